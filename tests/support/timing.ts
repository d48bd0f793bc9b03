/** A whole timing for tests that do not go through a configuration. */
import * as v from '../../engine/base/schema.js'
import { TimingConfig, timingOf, type Timing } from '../../engine/timing.js'

export function timingWith (given: v.InferInput<typeof TimingConfig> = {}): Timing {
  return timingOf(v.parse(TimingConfig, given))
}
