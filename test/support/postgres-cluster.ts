/** vitest's hook around the whole run: names the folder of the PostgreSQL cluster and takes the cluster away afterwards. */

import { CLUSTER_FOLDER, makeClusterFolder, removeCluster } from './postgres.ts'

export async function setup(): Promise<() => Promise<void>> {
  const folder = await makeClusterFolder()
  process.env[CLUSTER_FOLDER] = folder
  return () => removeCluster(folder)
}
