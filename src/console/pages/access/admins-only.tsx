import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useMay, useMe } from '../../api/session.ts'
import { Empty } from '../../elements/empty.tsx'

/** In the place of what the API would refuse anybody else. */
export function AdminsOnly({ what, children }: { what: string; children: ReactNode }) {
  const me = useMe()
  const may = useMay('admin')
  if (me === undefined) return null
  if (may) return children
  return (
    <div className="tw-card">
      <Empty
        title={`${what} are for admins`}
        action={
          <Button component={Link} to="/access/you" variant="default" size="sm" mt="xs">
            Your own password and sessions
          </Button>
        }
      >
        You are {me.role === 'operator' ? 'an operator' : 'a viewer'}. An admin can give you another role.
      </Empty>
    </div>
  )
}
