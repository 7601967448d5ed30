/** A hub that dies when a step of an erasure has done its work and nobody has noted it. Arguments: data directory, step, identifiers as JSON. */

import { systemClock } from '../../src/core/clock.ts'
import { seededRandom } from '../../src/core/random.ts'
import { readSettings } from '../../src/core/settings.ts'
import { hubLogger, startHub } from '../../src/hub.ts'

const [dataDir = '', step = '', identifiers = '[]'] = process.argv.slice(2)

const hub = await startHub(
  {
    settings: readSettings(
      {},
      { dataDir, port: 0, segmentBytes: 4_194_304, decompressedBytesMax: 1_048_576, bodyBytesMax: 1_048_576 },
    ),
    clock: systemClock,
    random: seededRandom(2),
    logger: hubLogger('fatal'),
    onErasureStepDone: (done) => {
      if (done === step) process.kill(process.pid, 'SIGKILL')
    },
  },
  async () => ({
    handle: (_request, response) => response.writeHead(404).end(),
    close: async () => undefined,
  }),
)
if ((await hub.erasures.list()).length === 0)
  await hub.erasures.create(
    { identifiers: JSON.parse(identifiers), expand: true, suppress: true, targets: [] },
    'test',
    '',
  )
