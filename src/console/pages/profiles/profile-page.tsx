/** One person: who it is at a glance, and in parts what is known, what they did, where they are in, and how the profile came about. */

import { Button, Group } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import type { ProfileAnswer } from '../../../api/routes/profiles.ts'
import { at } from '../../api/client.ts'
import { useAnswer } from '../../api/queries.ts'
import { Answer } from '../../elements/answer.tsx'
import { Page } from '../../elements/page.tsx'
import { Stat, Stats } from '../../elements/stat.tsx'
import { Tabs } from '../../elements/tabs.tsx'
import { When } from '../../elements/when.tsx'
import { count } from '../../elements/words.ts'
import { Glance } from './glance.tsx'
import { History } from './history.tsx'
import { Identity } from './identity.tsx'
import { JoinWith } from './join-with.tsx'
import { KeepApart } from './keep-apart.tsx'
import { Memberships } from './memberships.tsx'
import { nameOf } from './naming.ts'
import { Timeline } from './timeline.tsx'
import { Traits } from './traits.tsx'

const TABS = [
  ['', 'Identity'],
  ['traits', 'Traits'],
  ['timeline', 'Timeline'],
  ['audiences', 'Audiences'],
  ['history', 'Joins and conflicts'],
] as const

export function ProfilePage() {
  const { profile: id = '', tab = '' } = useParams({ strict: false })
  const answer = useAnswer<ProfileAnswer>(at`/profiles/${id}`)
  const profile = answer.data
  return (
    <Page
      title={profile === undefined ? `Profile ${id}` : nameOf(profile)}
      up={{ to: '/profiles', label: 'Profiles' }}
      {...(profile === undefined
        ? {}
        : {
            beside: <Glance profile={profile} asked={Number(id)} />,
            actions: (
              <>
                <JoinWith profile={profile} />
                <KeepApart given={profile.identifiers.map(({ field, value }) => [field, value] as const)} />
                <Button
                  component={Link}
                  to="/erasures/new"
                  search={{ profile: profile.id } as never}
                  variant="default"
                  size="sm"
                >
                  Erase…
                </Button>
              </>
            ),
          })}
      calls={[
        'GET /api/v1/profiles/{profile}',
        'GET /api/v1/profiles/{profile}/events',
        'POST /api/v1/profiles/merge',
      ]}
      commands={[
        `thalweg profiles show ${id}`,
        `thalweg profiles events ${id}`,
        `thalweg profiles merge ${id} 2 --dry-run`,
      ]}
    >
      <Answer of={answer} lines={8}>
        {(one) => (
          <>
            <Stats>
              <Stat
                label="Last seen"
                value={<When at={one.seenAt} />}
                note={<When at={one.seenAt} exact />}
              />
              <Stat
                label="First seen"
                value={<When at={one.createdAt} />}
                note={<When at={one.createdAt} exact />}
              />
              <Stat label="Identifiers" value={count(one.identifiers.length)} to={`/profiles/${id}`} />
              <Stat
                label="Traits"
                value={count(Object.keys(one.fields).length)}
                to={`/profiles/${id}/traits`}
              />
              <Stat label="Audiences" value={count(one.audiences.length)} to={`/profiles/${id}/audiences`} />
            </Stats>
            <Tabs
              label="Parts of the profile"
              tabs={TABS.map(([name, label]) => ({
                label,
                to: name === '' ? `/profiles/${id}` : `/profiles/${id}/${name}`,
                active: tab === name,
              }))}
            />
            <Group
              component="section"
              align="stretch"
              aria-label={TABS.find(([name]) => name === tab)?.[1]}
              grow
            >
              {tab === 'traits' ? (
                <Traits profile={one} />
              ) : tab === 'timeline' ? (
                <Timeline profile={one.id} />
              ) : tab === 'audiences' ? (
                <Memberships profile={one} />
              ) : tab === 'history' ? (
                <History profile={one.id} />
              ) : (
                <Identity profile={one} />
              )}
            </Group>
          </>
        )}
      </Answer>
    </Page>
  )
}
