/**
 * Where the vendors live: instances, sites, regions and their hosts. Each is a separate world, and a key of
 * one is refused by the others. Every form that offers these must also take a full URL, since vendors add
 * sites and tests use doubles.
 */

export interface BrazeInstance {
  /** As the dashboard shows it: US-01. */
  readonly name: string
  readonly dashboard: string
  /** Base URL of the REST API. */
  readonly rest: string
  /**
   * Cohort partners have one key for the US clusters and another for the EU; undefined where nobody says
   * which applies.
   */
  readonly partnerKeyRegion: 'us' | 'eu' | undefined
  /**
   * Another REST base that some sources give; ours is the one that shipped code uses against the live
   * service.
   */
  readonly disputed?: string
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => String(i + 1).padStart(2, '0'))

export const brazeInstances: readonly BrazeInstance[] = [
  ...numbered(8).map((number) => unitedStates(number, `https://rest.iad-${number}.braze.com`)),
  { ...unitedStates('09', 'https://rest.us-09.braze.com'), disputed: 'https://rest.iad-09.braze.com' },
  { ...unitedStates('10', 'https://rest.us-10.braze.com'), disputed: 'https://rest.iad-10.braze.com' },
  ...numbered(2).map((number) => ({
    name: `EU-${number}`,
    dashboard: `https://dashboard-${number}.braze.eu`,
    rest: `https://rest.fra-${number}.braze.eu`,
    partnerKeyRegion: 'eu' as const,
  })),
  elsewhere('AU-01'),
  elsewhere('ID-01'),
  elsewhere('JP-01'),
]

function unitedStates(number: string, rest: string): BrazeInstance {
  return {
    name: `US-${number}`,
    dashboard: `https://dashboard-${number}.braze.com`,
    rest,
    partnerKeyRegion: 'us',
  }
}

function elsewhere(name: string): BrazeInstance {
  const host = `${name.toLowerCase()}.braze.com`
  return {
    name,
    dashboard: `https://dashboard.${host}`,
    rest: `https://rest.${host}`,
    partnerKeyRegion: undefined,
  }
}

/** The SDK endpoint of an instance has the REST host's name with `sdk` for `rest`. */
export function brazeSdkUrl(instance: BrazeInstance): string {
  return instance.rest.replace('https://rest.', 'https://sdk.')
}

export interface TreasureDataSite {
  readonly name: string
  readonly title: string
  readonly api: string
  /** Streaming and bulk import. */
  readonly import: string
  /** Audiences. */
  readonly cdp: string
  readonly workflow: string
  /** Trino protocol. */
  readonly trino: string
  /** Records API and Postback v2. */
  readonly records: string
  /** Postback v3, the older collector. */
  readonly postback: string
  /** The newer receiver of Currents. */
  readonly brazeStreaming: string
  readonly activationGateway: string
  /** Hosts of this site that follow the pattern of their neighbours but were read nowhere. */
  readonly unconfirmed: readonly 'postback'[]
}

export const treasureDataSites: readonly TreasureDataSite[] = [
  {
    ...hosts('us01', 'United States', 'treasuredata.com', 'in.treasuredata.com'),
    activationGateway: 'https://integrations-gateway.us01.treasuredata.com',
    unconfirmed: [],
  },
  {
    ...hosts('ap01', 'Tokyo', 'treasuredata.co.jp', 'tokyo.in.treasuredata.com'),
    unconfirmed: [],
  },
  {
    ...hosts('eu01', 'Europe', 'eu01.treasuredata.com', 'eu01.in.treasuredata.com'),
    unconfirmed: ['postback'],
  },
  {
    ...hosts('ap02', 'Korea', 'ap02.treasuredata.com', 'ap02.in.treasuredata.com'),
    unconfirmed: ['postback'],
  },
]

function hosts(
  name: string,
  title: string,
  domain: string,
  postback: string,
): Omit<TreasureDataSite, 'unconfirmed'> {
  return {
    name,
    title,
    api: `https://api.${domain}`,
    import: `https://api-import.${domain}`,
    cdp: `https://api-cdp.${domain}`,
    workflow: `https://api-workflow.${domain}`,
    trino: `https://api-presto.${domain}`,
    // Only this service has one domain for all sites.
    records: `https://${name}.records.in.treasuredata.com`,
    postback: `https://${postback}`,
    brazeStreaming: `https://braze-in-streaming.${domain}`,
    activationGateway: `https://integrations-gateway.${domain}`,
  }
}

export interface SegmentRegion {
  readonly name: 'us' | 'eu'
  readonly title: string
  /** With its `/v1`; many Segment SDKs want the host without it. */
  readonly api: string
}

/**
 * Data in the wrong region is rejected or vanishes behind a 200 (Segment, regional rules since 2025-04-03).
 * Fail-over never crosses regions.
 */
export const segmentRegions: readonly SegmentRegion[] = [
  { name: 'us', title: 'United States (Oregon)', api: 'https://api.segment.io/v1' },
  { name: 'eu', title: 'European Union (Dublin)', api: 'https://events.eu1.segmentapis.com/v1' },
]
