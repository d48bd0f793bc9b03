/**
 * Virtual time: a queue of events, run one after the other as fast as they go.
 *
 *   pop the earliest event --> run it --> let every promise settle --> check --> the next one
 *
 * Equal times run in the order they were scheduled, so a run is repeatable. Between two events all
 * microtasks are drained, as they would be between two turns of a real event loop: the next event
 * is started by process.nextTick from inside a microtask, and Node runs ticks only when no
 * microtask is left. That is as sound as waiting for setImmediate and several times as fast; once
 * in a while a real turn lets signals and rejections through.
 */

export interface Task {
  cancel(): void
}

interface Event {
  readonly atMs: number
  readonly number: number
  readonly label: string
  run: (() => void) | undefined
}

const EVENTS_PER_TURN = 2000
/** So many events in a row at one moment are a loop that never ends. */
const MAX_EVENTS_AT_ONCE = 1_000_000

export interface SchedulerHooks {
  /** Before an event runs. */
  readonly onEvent: (atMs: number, label: string) => void
  /**
   * Called when all promises that an event settled have run. May throw, which ends the run.
   */
  readonly afterEvent: () => void
}

export class Scheduler {
  nowMs = 0
  /** Events run so far. */
  count = 0
  readonly #hooks: SchedulerHooks
  readonly #heap: Event[] = []
  #numbers = 0
  #atOnce = 0

  constructor (hooks: SchedulerHooks) {
    this.#hooks = hooks
  }

  get waiting (): number {
    return this.#heap.length
  }

  at (atMs: number, label: string, run: () => void): Task {
    const event: Event = { atMs: Math.max(atMs, this.nowMs), number: this.#numbers++, label, run }
    this.#push(event)
    return {
      cancel: () => {
        event.run = undefined
      }
    }
  }

  after (delayMs: number, label: string, run: () => void): Task {
    return this.at(this.nowMs + delayMs, label, run)
  }

  /**
   * Resolves after so long. For code that stands above the processes; code inside a process uses
   * the timers of that process.
   */
  sleep (forMs: number, label = 'sleep'): Promise<void> {
    return new Promise(resolve => {
      this.after(forMs, label, resolve)
    })
  }

  /**
   * Runs events until `done`, asked between events. Rejects with what an event or a hook throws.
   */
  run (done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = EVENTS_PER_TURN
      let first = true
      const next = (): void => {
        try {
          if (!first) this.#hooks.afterEvent()
          first = false
          if (done() || !this.#runNext()) {
            resolve()
            return
          }
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
          return
        }
        if (--left > 0) queueMicrotask(() => process.nextTick(next))
        else {
          left = EVENTS_PER_TURN
          setImmediate(next)
        }
      }
      // A tick of its own: what happened before the run has settled as well.
      process.nextTick(next)
    })
  }

  #runNext (): boolean {
    for (;;) {
      const event = this.#pop()
      if (event === undefined) return false
      const { run } = event
      if (run === undefined) continue
      this.#atOnce = event.atMs > this.nowMs ? 0 : this.#atOnce + 1
      if (this.#atOnce > MAX_EVENTS_AT_ONCE) {
        throw new Error(
          `time stands still at ${this.nowMs} virtual ms, where "${event.label}" happens again ` +
            'and again'
        )
      }
      this.nowMs = event.atMs
      this.count++
      this.#hooks.onEvent(event.atMs, event.label)
      run()
      return true
    }
  }

  #push (event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[at] = heap[parent] as Event
      at = parent
    }
    heap[at] = event
  }

  #pop (): Event | undefined {
    const heap = this.#heap
    const [top] = heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child++
      }
      if (!isBefore(heap[child] as Event, last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
    return top
  }
}

function isBefore (a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number)
}
