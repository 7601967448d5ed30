/** sources: the doors that events come in by, and their tokens. */

import type { Command } from 'commander'
import type { SourceAnswer, VerdictsAnswer } from '../../api/routes/sources.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, collected, grouped, moment, settingsFrom } from '../words.ts'

const TOKEN_VARIABLE = 'THALWEG_SOURCE_TOKEN'
const TOKEN_QUESTION = 'Token of the source'

interface SettingOptions {
  readonly set?: readonly string[]
}

export function sourceCommands(program: Command, session: Session): void {
  const sources = program.command('sources').alias('source').description('doors that events come in by')

  sources
    .command('list')
    .description('all sources')
    .action(async () => {
      const { out } = session
      const answer = await (await session.client()).get<{ sources: SourceAnswer[] }>('/sources')
      out.show(answer, () =>
        out.table(
          [
            { title: 'NAME' },
            { title: 'KIND' },
            { title: 'ACCEPTED', right: true },
            { title: 'DUPLICATES', right: true },
            { title: 'QUARANTINED', right: true },
            { title: 'LAST SEEN' },
            { title: 'ADDRESS' },
          ],
          answer.sources.map(({ counters, ...source }) => [
            clean(source.name),
            source.kind,
            grouped(counters.accepted),
            grouped(counters.duplicates),
            grouped(counters.quarantined),
            moment(counters.seenAt),
            clean(source.addresses[0] ?? ''),
          ]),
          'There are no sources yet. Make one: thalweg sources create braze',
        ),
      )
    })

  sources
    .command('show')
    .description('one source: addresses, tokens, counters')
    .argument('<source>', 'name')
    .action(async (which: string) => {
      const client = await session.client()
      const source = await client.get<SourceAnswer>(path`/sources/${which}`)
      session.out.show(source, () => showSource(session, client.address, source))
    })

  sources
    .command('verdicts')
    .description('what became of the messages of a Segment or Lytics source, and the last ones with a remark')
    .argument('<source>', 'name')
    .option('--limit <number>', 'remarked messages to show', '10')
    .action(async (which: string, { limit }: { limit: string }) => {
      const client = await session.client()
      const answer = await client.get<VerdictsAnswer>(path`/sources/${which}/verdicts?limit=${limit}`)
      session.out.show(answer, () => showVerdicts(session, answer))
    })

  sources
    .command('create')
    .description('make a source; its token is shown this once')
    .argument('<name>', 'part of its address')
    .option('--kind <kind>', 'braze-currents, treasure-data, segment, lytics or files', 'braze-currents')
    .option('--set <name=value>', 'a setting; may be repeated', collected)
    .option(
      '--own-token',
      `use the token that the sender has: from ${TOKEN_VARIABLE}, standard input, or a prompt`,
    )
    .action(async (name: string, options: SettingOptions & { kind: string; ownToken?: boolean }) => {
      const { out } = session
      const client = await session.client()
      const made = await client.send<{ source: SourceAnswer; token: string }>('POST', '/sources', {
        name,
        kind: options.kind,
        settings: settingsFrom(options.set ?? []),
        ...(options.ownToken ? { token: await session.secret(TOKEN_VARIABLE, TOKEN_QUESTION) } : {}),
      })
      out.show(made, () => {
        showSource(session, client.address, made.source)
        if (made.token !== '') out.line(`Token (shown this once): ${out.colour('bold', made.token)}`)
      })
    })

  sources
    .command('update')
    .description('replace the settings of a source')
    .argument('<source>', 'name')
    .option('--set <name=value>', 'a setting; may be repeated', collected)
    .action(async (which: string, { set = [] }: SettingOptions) => {
      const client = await session.client()
      const source = await client.send<SourceAnswer>('PUT', path`/sources/${which}`, {
        settings: settingsFrom(set),
      })
      session.out.show(source, () => showSource(session, client.address, source))
    })

  sources
    .command('delete')
    .description('close a source for ever; what it sent stays in the log')
    .argument('<source>', 'name')
    .option('--yes', 'do not ask')
    .action(async (which: string, { yes }: { yes?: boolean }) => {
      if (!(await session.agreed(yes, `Close the source ${clean(which)} for ever?`)))
        return session.out.aside('Nothing was changed.')
      await (await session.client()).remove(path`/sources/${which}`)
      session.out.show({ deleted: which }, () => session.out.line(`Deleted ${clean(which)}.`))
    })

  sources
    .command('add-token')
    .description('add a token beside those that are there; it is shown this once')
    .argument('<source>', 'name')
    .argument('<label>', 'what it is for')
    .option(
      '--own-token',
      `use the token that the sender has: from ${TOKEN_VARIABLE}, standard input, or a prompt`,
    )
    .action(async (which: string, label: string, { ownToken }: { ownToken?: boolean }) => {
      const made = await (await session.client()).send<{ id: string; token: string }>(
        'POST',
        path`/sources/${which}/tokens`,
        { label, ...(ownToken ? { token: await session.secret(TOKEN_VARIABLE, TOKEN_QUESTION) } : {}) },
      )
      session.out.show(made, () => session.out.line(`Token ${made.id} (shown this once): ${made.token}`))
    })

  sources
    .command('revoke-token')
    .description('refuse a token from now on')
    .argument('<source>', 'name')
    .argument('<token>', 'id of the token')
    .action(async (which: string, token: string) => {
      await (await session.client()).remove(path`/sources/${which}/tokens/${token}`)
      session.out.show({ revoked: token }, () => session.out.line(`Revoked ${clean(token)}.`))
    })
}

function showSource({ out }: Session, address: string, source: SourceAnswer): void {
  const { counters } = source
  const refused = Object.entries(counters.refused).map(([status, count]) => `${grouped(count)} × ${status}`)
  out.facts([
    ['name', `${clean(source.name)} (number ${source.number}, ${source.kind})`],
    ...source.addresses.map((door): [string, string] => ['address', clean(`${address}${door}`)]),
    ['settings', clean(JSON.stringify(source.settings), 500)],
    ['tokens', source.tokens.map((token) => clean(`${token.id} "${token.label}"`)).join(', ') || '–'],
    ['accepted', `${grouped(counters.accepted)} events in ${grouped(counters.requests)} requests`],
    ['set aside', `${grouped(counters.duplicates)} duplicates, ${grouped(counters.quarantined)} quarantined`],
    ['refused', refused.join(', ') || '–'],
    ['last event', moment(counters.eventAt)],
  ])
}

function showVerdicts({ out }: Session, { counts, remarked }: VerdictsAnswer): void {
  out.table(
    [{ title: 'TYPE' }, { title: 'VERDICT' }, { title: 'REASON' }, { title: 'COUNT', right: true }],
    counts.map(({ type, verdict, reason, count }) => [
      clean(type) || '–',
      verdict,
      reason || '–',
      grouped(count),
    ]),
    'Nothing was judged since the hub started.',
  )
  for (const { at, place, verdict, reason, raw } of remarked) {
    out.line(`${moment(at)}  ${verdict} ${reason}, ${clean(place)}: ${clean(raw, 200)}`)
  }
}
