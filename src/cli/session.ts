/** What every command works with: the hub, the printer, and the ways to be given input. */

import { readFile, stat } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { ThalwegError } from '../core/errors.ts'
import { addressOf, Client, tokenOf, type Whereabouts } from './client.ts'
import { Printer } from './printer.ts'
import { ask, readStdin, STDIN_BYTES_MAX, type Surroundings } from './surroundings.ts'

interface GlobalOptions extends Whereabouts {
  readonly json?: boolean
  readonly color?: boolean
}

export class Session {
  readonly io: Surroundings
  readonly #program: Command
  /** What the process will end with; a command sets it to 1 when what it was asked to check does not hold. */
  exitCode = 0

  constructor(program: Command, io: Surroundings) {
    this.#program = program
    this.io = io
  }

  get options(): GlobalOptions {
    return this.#program.opts<GlobalOptions>()
  }

  get out(): Printer {
    const { json = false, color = true } = this.options
    return new Printer(this.io, { json, color })
  }

  async client(): Promise<Client> {
    const address = await addressOf(this.options, this.io)
    return new Client(address, await tokenOf(this.options, this.io, address), this.io.fetch)
  }

  /** A file of the API, as it comes, to standard output. Throws HUB_UNREACHABLE when it breaks off. */
  async copied(where: string): Promise<void> {
    const answer = await (await this.client()).stream(where, undefined, this.io.interruption())
    const decoder = new TextDecoder()
    try {
      for await (const piece of answer.body ?? []) this.out.text(decoder.decode(piece, { stream: true }))
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      throw new ThalwegError('HUB_UNREACHABLE', `The answer broke off: ${words}`, { cause: error })
    }
  }

  /** JSON from a file, or from standard input when the file is `-`. */
  async readJson(file: string): Promise<unknown> {
    const text = await this.readText(file)
    try {
      return JSON.parse(text)
    } catch (error) {
      const where = file === '-' ? 'Standard input' : `The file ${file}`
      throw new InvalidArgumentError(`${where} is not JSON: ${(error as Error).message}`)
    }
  }

  async readText(file: string): Promise<string> {
    if (file === '-') return readStdin(this.io)
    const found = await stat(file).catch(() => undefined)
    if (found === undefined || !found.isFile()) throw new InvalidArgumentError(`There is no file ${file}.`)
    if (found.size > STDIN_BYTES_MAX)
      throw new InvalidArgumentError(`The file ${file} is larger than ${STDIN_BYTES_MAX} bytes.`)
    return readFile(file, 'utf8')
  }

  /**
   * A secret from the environment, from standard input, or typed unseen; never from the command line, which
   * others can list.
   */
  async secret(variable: string, question: string): Promise<string> {
    const given = this.io.env[variable] ?? ''
    if (given !== '') return given
    const typed = this.io.stdin.isTTY ? await ask(this.io, `${question}: `, true) : await readStdin(this.io)
    const secret = typed.trim()
    if (secret === '')
      throw new InvalidArgumentError(`${question}: give it on standard input or in ${variable}.`)
    return secret
  }

  /**
   * Whether the user agrees to what was just shown. Without a terminal, and for programs, --yes says so
   * beforehand.
   */
  async agreed(yes: boolean | undefined, question: string): Promise<boolean> {
    if (yes === true) return true
    if (this.out.forPrograms || !this.io.stdin.isTTY)
      throw new InvalidArgumentError('Nobody can be asked here: add --yes to go on.')
    return /^y(es)?$/i.test((await ask(this.io, `${question} [y/N] `)).trim())
  }
}
