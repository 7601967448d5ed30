/** Joins this profile with another one, after a look at what would become of both. */

import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { useAnswer, useChange } from '../../api/queries.ts'
import { FailureNote } from '../../elements/answer.tsx'
import { told } from '../../elements/notices.ts'
import { count } from '../../elements/words.ts'
import { ChangePreview } from './change-preview.tsx'
import classes from './identity.module.css'
import { nameOf } from './naming.ts'

const PATH = '/profiles/merge'
const SHOWN = 8

export function JoinWith({ profile }: { profile: ProfileAnswer }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [text, setText] = useState('')
  const [other, setOther] = useState<ProfileAnswer>()
  const query = text.trim()
  const found = useAnswer<{ profiles: ProfileAnswer[] }>('/profiles', {
    query: { value: query, begins: true, limit: SHOWN },
    enabled: opened && query !== '',
    keep: true,
  })
  const others = query === '' ? [] : (found.data?.profiles ?? []).filter(({ id }) => id !== profile.id)
  const merge = useChange({
    method: 'POST',
    path: () => PATH,
    body: () => ({ one: profile.id, two: other?.id }),
    changes: ['/profiles', '/audiences'],
    done: () => {
      told('The two are one profile now.')
      close()
    },
  })
  return (
    <>
      <Button
        variant="default"
        size="sm"
        onClick={() => {
          setOther(undefined)
          setText('')
          merge.reset()
          open()
        }}
      >
        Join with…
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={`Join ${nameOf(profile)} with another profile`}
        size="lg"
        centered
      >
        <Stack>
          {other === undefined ? (
            <>
              <TextInput
                label="Whom"
                description="By the beginning of any identifier"
                value={text}
                data-autofocus
                onChange={({ currentTarget }) => setText(currentTarget.value)}
              />
              <ul aria-label="Found" className={classes.found}>
                {others.map((one) => (
                  <li key={one.id}>
                    <Button variant="subtle" size="compact-sm" onClick={() => setOther(one)}>
                      {`${nameOf(one)} · profile ${count(one.id)}`}
                    </Button>
                  </li>
                ))}
                {query !== '' && found.data !== undefined && others.length === 0 && (
                  <Text size="sm" c="dimmed" component="li">
                    Nobody else has an identifier that begins so.
                  </Text>
                )}
              </ul>
            </>
          ) : (
            <>
              <Text size="sm">
                {nameOf(profile)} (profile {count(profile.id)}) and {nameOf(other)} (profile {count(other.id)}
                ) would be one. A join can be undone.
              </Text>
              <ChangePreview path={PATH} body={{ one: profile.id, two: other.id }} />
              {merge.error !== null && <FailureNote error={merge.error} />}
              <Group justify="flex-end">
                <Button variant="default" onClick={() => setOther(undefined)}>
                  Somebody else
                </Button>
                <Button loading={merge.isPending} onClick={() => merge.mutate()}>
                  Join the two
                </Button>
              </Group>
            </>
          )}
        </Stack>
      </Modal>
    </>
  )
}
