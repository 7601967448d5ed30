/** alerts: what a contact should know, and the channels that tell it outside. */

import type { Command } from 'commander'
import type { ChannelAnswer, ChannelTestAnswer } from '../../api/routes/alert-channels.ts'
import type { AlertAnswer } from '../../api/routes/alerts.ts'
import { path } from '../../core/api-path.ts'
import type { Session } from '../session.ts'
import { clean, grouped, moment } from '../words.ts'

const EXAMPLE = `
A channel, by mail or to a webhook:
  {"name":"mail","kind":"mail","settings":{"host":"mail.example.com","sender":"thalweg@example.com"},
   "authorization":"auth_…","to":["data-team@example.com"]}
  {"name":"pager","kind":"webhook","settings":{"url":"https://pager.example.com/thalweg"},
   "authorization":"auth_…","kinds":["halted","books"],"subjects":["current:orders-*"]}
Credentials: thalweg authorizations create --provider smtp (or webhook) --label …`

interface ListOptions {
  readonly open?: boolean
  readonly current?: string
  readonly subject?: string
  readonly kind?: string
}

export function alertCommands(program: Command, session: Session): void {
  const alerts = program
    .command('alerts')
    .alias('alert')
    .description('what contacts should know, and how they are told')

  alerts
    .command('list', { isDefault: true })
    .description('alerts, newest first')
    .option('--open', 'only those not resolved')
    .option('--current <current>', 'of this current')
    .option('--subject <subject>', 'about this, as in current:orders, activation:vip or export:crm')
    .option('--kind <kind>', 'of this kind')
    .action((options: ListOptions) => list(session, options))

  alerts
    .command('show')
    .description('one alert, and who was told of it')
    .argument('<id>', 'id')
    .action(async (id: string) => {
      const alert = await (await session.client()).get<AlertAnswer>(path`/alerts/${id}`)
      session.out.show(alert, () => showAlert(session, alert))
    })

  alerts
    .command('acknowledge')
    .description('note that somebody has seen it; what happened once is over with that')
    .argument('<id>', 'id')
    .option('--note <text>', 'what is done about it', '')
    .action(async (id: string, { note }: { note: string }) => {
      const client = await session.client()
      const alert = await client.send<AlertAnswer>('POST', path`/alerts/${id}/acknowledge`, { note })
      session.out.show(alert, () => showAlert(session, alert))
    })

  alerts
    .command('channels')
    .description('ways by which alerts are told')
    .action(async () => {
      const answer = await (await session.client()).get<{ channels: ChannelAnswer[] }>('/alert-channels')
      session.out.show(answer, () => showChannels(session, answer.channels))
    })

  alerts
    .command('add-channel')
    .description('tell alerts by a mail server or a webhook')
    .requiredOption('-f, --file <file>', 'definition as JSON; -: standard input')
    .addHelpText('after', EXAMPLE)
    .action(async ({ file }: { file: string }) => {
      const client = await session.client()
      const made = await client.send<ChannelAnswer>('POST', '/alert-channels', await session.readJson(file))
      const name = clean(made.definition.name)
      session.out.show(made, () => session.out.line(`Made ${name}. Try it: thalweg alerts test ${name}`))
    })

  alerts
    .command('change-channel')
    .description('replace members of a definition; what waits is tried the new way')
    .argument('<channel>', 'name or id')
    .requiredOption('-f, --file <file>', 'members as JSON, as in {"enabled":false}; -: standard input')
    .action(async (which: string, { file }: { file: string }) => {
      const client = await session.client()
      const change = await session.readJson(file)
      const channel = await client.send<ChannelAnswer>('PATCH', path`/alert-channels/${which}`, change)
      session.out.show(channel, () => showChannels(session, [channel]))
    })

  alerts
    .command('remove-channel')
    .description('remove a channel; what waits is cancelled')
    .argument('<channel>', 'name or id')
    .option('--yes', 'do not ask')
    .action(async (which: string, { yes }: { yes?: boolean }) => {
      const client = await session.client()
      const { id, definition, messages } = await client.get<ChannelAnswer>(path`/alert-channels/${which}`)
      const question = `Remove ${clean(definition.name)}? ${grouped(messages.waiting)} messages wait and would be cancelled.`
      if (!(await session.agreed(yes, question))) return session.out.aside('Nothing was changed.')
      await client.remove(path`/alert-channels/${id}`)
      session.out.show({ removed: id }, () => session.out.line(`Removed ${clean(definition.name)}.`))
    })

  alerts
    .command('test')
    .description('send a test through a channel now, for real')
    .argument('<channel>', 'name or id')
    .option('--to <address>', 'of a mail; default: the first address of the channel')
    .action(async (which: string, { to }: { to?: string }) => {
      const client = await session.client()
      const answer = await client.send<ChannelTestAnswer>(
        'POST',
        path`/alert-channels/${which}/test`,
        to === undefined ? {} : { to },
      )
      if (!answer.ok) session.exitCode = 1
      session.out.show(answer, () => {
        const { out } = session
        const where = answer.recipient === '' ? '' : ` by ${clean(answer.recipient)}`
        const result = answer.ok ? out.colour('green', `Taken${where}`) : out.colour('red', 'Not taken')
        out.line(`${result} after ${grouped(answer.tookMs)} ms: ${clean(answer.answer, 1_000)}`)
      })
    })
}

async function list(session: Session, { open = false, current, subject, kind }: ListOptions): Promise<void> {
  const { out } = session
  const answer = await (await session.client()).get<{ alerts: AlertAnswer[] }>('/alerts', {
    open,
    current,
    subject,
    kind,
  })
  out.show(answer, () =>
    out.table(
      [
        { title: 'RAISED' },
        { title: 'RESOLVED' },
        { title: 'KIND' },
        { title: 'CONTACT' },
        { title: 'TOLD' },
        { title: 'SUBJECT' },
        { title: 'ID' },
      ],
      answer.alerts.map((alert) => [
        moment(alert.createdAt),
        moment(alert.resolvedAt),
        alert.resolvedAt === null ? out.colour('red', alert.kind) : alert.kind,
        clean(alert.contact),
        toldText(session, alert),
        clean(alert.subject, 100),
        clean(alert.id),
      ]),
      open ? 'Nothing is open.' : 'There are no alerts.',
    ),
  )
}

/** The worst of its messages. */
function toldText({ out }: Session, { told }: AlertAnswer): string {
  const states = new Set(told.map(({ state }) => state))
  if (states.has('given_up')) return out.colour('red', 'given up')
  if (states.has('waiting') || states.has('gathering')) return out.colour('yellow', 'waiting')
  return states.has('sent') ? 'yes' : 'nobody'
}

function showAlert(session: Session, alert: AlertAnswer): void {
  const { out } = session
  out.facts([
    ['id', clean(alert.id)],
    ['subject', clean(alert.subject)],
    ['kind', alert.kind],
    ['about', alert.about === null ? '–' : `${alert.about.sort} ${clean(alert.about.name)}`],
    ['detail', clean(alert.detail, 2_000)],
    ['contact', clean(alert.contact)],
    ['raised', moment(alert.createdAt)],
    ['resolved', moment(alert.resolvedAt)],
    [
      'acknowledged',
      alert.acknowledgedAt === null
        ? '–'
        : `${moment(alert.acknowledgedAt)} by ${clean(alert.acknowledgedBy)} ${clean(alert.acknowledgeNote)}`,
    ],
  ])
  out.table(
    [
      { title: 'EVENT' },
      { title: 'CHANNEL' },
      { title: 'TO' },
      { title: 'STATE' },
      { title: 'TRIES' },
      { title: 'ANSWER' },
    ],
    alert.told.map((one) => [
      one.event,
      clean(one.channel ?? 'removed'),
      clean(one.recipient),
      one.state,
      grouped(one.attempts),
      clean(one.answer, 80),
    ]),
    'Nobody was told: no channel takes it. See thalweg alerts channels',
  )
}

function showChannels({ out }: Session, channels: readonly ChannelAnswer[]): void {
  out.table(
    [
      { title: 'NAME' },
      { title: 'KIND' },
      { title: 'WHERE' },
      { title: 'TO' },
      { title: 'WAITING' },
      { title: 'GIVEN UP' },
      { title: 'LAST TAKEN' },
      { title: 'LAST ANSWER' },
    ],
    channels.map(({ definition, messages, toldAt, answer }) => [
      `${clean(definition.name)}${definition.enabled ? '' : ' (off)'}`,
      definition.kind,
      definition.kind === 'mail'
        ? `${clean(definition.settings.host)}:${definition.settings.port}`
        : clean(definition.settings.url ?? 'in its authorization', 60),
      definition.kind === 'mail'
        ? clean([...definition.to, ...(definition.contacts ? ['contacts'] : [])].join(', '), 60)
        : '–',
      grouped(messages.waiting),
      messages.givenUp === 0 ? '0' : out.colour('red', grouped(messages.givenUp)),
      moment(toldAt),
      clean(answer, 60),
    ]),
    'No alert leaves the house. Make a channel: thalweg alerts add-channel --help',
  )
}
