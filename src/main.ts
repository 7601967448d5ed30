/** The program `thalweg`: the command line over the programs of this process, loaded only by the commands that run them. */

import { runCli } from './cli/cli.ts'

process.exitCode = await runCli(process.argv.slice(2), () => import('./programs.ts'))
