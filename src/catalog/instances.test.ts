import { describe, expect, it } from 'vitest'
import { brazeInstances, brazeSdkUrl, segmentRegions, treasureDataSites } from './instances.ts'

const braze = (name: string) => brazeInstances.find((one) => one.name === name)
const site = (name: string) => treasureDataSites.find((one) => one.name === name)

describe('hosts', () => {
  it.each([
    ['US-01', 'https://dashboard-01.braze.com', 'https://rest.iad-01.braze.com', 'us'],
    ['US-08', 'https://dashboard-08.braze.com', 'https://rest.iad-08.braze.com', 'us'],
    ['US-10', 'https://dashboard-10.braze.com', 'https://rest.us-10.braze.com', 'us'],
    ['EU-02', 'https://dashboard-02.braze.eu', 'https://rest.fra-02.braze.eu', 'eu'],
    ['AU-01', 'https://dashboard.au-01.braze.com', 'https://rest.au-01.braze.com', undefined],
    ['JP-01', 'https://dashboard.jp-01.braze.com', 'https://rest.jp-01.braze.com', undefined],
  ])('Braze %s', (name, dashboard, rest, partnerKeyRegion) => {
    expect(braze(name)).toMatchObject({ dashboard, rest, partnerKeyRegion })
  })

  it('lists every Braze instance once and says where sources disagree', () => {
    expect(brazeInstances.map((one) => one.name)).toHaveLength(15)
    expect(new Set(brazeInstances.map((one) => one.rest)).size).toBe(15)
    expect(brazeInstances.filter((one) => one.disputed).map((one) => one.name)).toEqual(['US-09', 'US-10'])
    expect(brazeInstances.map(brazeSdkUrl)).toContain('https://sdk.fra-01.braze.eu')
  })

  it.each([
    ['us01', 'postback', 'https://in.treasuredata.com'],
    ['us01', 'activationGateway', 'https://integrations-gateway.us01.treasuredata.com'],
    ['ap01', 'postback', 'https://tokyo.in.treasuredata.com'],
    ['ap01', 'api', 'https://api.treasuredata.co.jp'],
    ['ap01', 'records', 'https://ap01.records.in.treasuredata.com'],
    ['ap01', 'activationGateway', 'https://integrations-gateway.treasuredata.co.jp'],
    ['eu01', 'trino', 'https://api-presto.eu01.treasuredata.com'],
    ['ap02', 'brazeStreaming', 'https://braze-in-streaming.ap02.treasuredata.com'],
  ] as const)('Treasure Data %s %s', (name, key, url) => {
    expect(site(name)?.[key]).toBe(url)
  })

  it('gives valid https origins only', () => {
    const urls = [
      ...brazeInstances.flatMap((one) => [one.dashboard, one.rest]),
      ...treasureDataSites.flatMap((one) =>
        Object.values(one).filter((value) => String(value).startsWith('http')),
      ),
    ].map(String)
    for (const url of urls) expect(new URL(url).origin).toBe(url)
    expect(segmentRegions.map((one) => one.api)).toEqual([
      'https://api.segment.io/v1',
      'https://events.eu1.segmentapis.com/v1',
    ])
  })
})
