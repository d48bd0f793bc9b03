/**
 * The placement groups of a consumer's cache that no node in view holds. A consumer that has read
 * everything asks nobody, so without this its status would be the same whether its nodes are there
 * or gone.
 */
import type { Router } from '../../replication/membership/router.js'
import type { ConsumerLog } from './consumer-log.js'

export class UnheldGroups {
  readonly #router: Router
  readonly #log: ConsumerLog
  /** The placement groups that were told to have no holder, and have had none since. */
  #told: ReadonlySet<number> = new Set()

  constructor (router: Router, log: ConsumerLog) {
    this.#router = router
    this.#log = log
  }

  /** How many there are right now. */
  get count (): number {
    return this.#router.groupsWithoutHolder().length
  }

  /** Tells what changed since the last look. */
  look (): void {
    const unheld = this.#router.groupsWithoutHolder()
    const fresh = unheld.filter(group => !this.#told.has(group))
    const wasUnheld = this.#told.size > 0
    this.#told = new Set(unheld)
    if (fresh.length > 0) this.#log.unheld(fresh)
    else if (wasUnheld && unheld.length === 0) this.#log.held()
  }
}
