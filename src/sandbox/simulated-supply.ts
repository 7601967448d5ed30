import type { EventSupply, SupplyEvent } from './sender.ts'
import type { Simulation } from './simulator/simulator.ts'

/**
 * The traffic of a simulation as a sender's supply; `wanted` selects event types as a connector's settings do
 * (default: all).
 */
export function simulatedSupply(simulation: Simulation, wanted?: (type: string) => boolean): EventSupply {
  return {
    take(nowMs) {
      const events: SupplyEvent[] = []
      for (const { type, event } of simulation.next(nowMs)) {
        if (wanted === undefined || wanted(type)) events.push({ type, bytes: JSON.stringify(event) })
      }
      return events
    },
  }
}
