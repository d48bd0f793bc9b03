/** Planted bugs of fields that are more than registers, of expiry and of indexes. */
import { SecondaryIndexes } from '../../engine/query/secondary-index.js'
import { Shard } from '../../engine/shard.js'
import type { Fields } from '../../engine/base/values.js'
import type { Write } from '../../engine/write/write.js'
import { WriteServer } from '../../replication/writes/write-server.js'
import { patch } from '../patch.js'
import type { Mutant } from './mutant.js'

export const FIELD_MUTANTS: readonly Mutant[] = [
  {
    name: 'increment-taken-twice',
    breaks:
      'an owner remembers no batch of writes, so one whose message is delivered twice is taken ' +
      'twice',
    seeds: 40,
    plant: () => {
      let count = 0
      return patch(
        WriteServer.prototype,
        'take',
        original =>
          function (
            this: WriteServer,
            value: unknown,
            request: string
          ): ReturnType<WriteServer['take']> {
            return original.call(this, value, `${request} ${++count}`)
          }
      )
    }
  },
  {
    name: 'reset-forgotten',
    breaks: 'a counter that was deleted is not begun anew: what its owner added before counts on',
    seeds: 40,
    plant: () => {
      const totals = new WeakMap<Shard, Map<string, number>>()
      return patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            const known = totals.get(this) ?? new Map<string, number>()
            totals.set(this, known)
            const [operation] = write.operations ?? []
            if (operation?.kind !== 'increment') return original.call(this, write, keepLoser)
            const id = `${write.key} ${operation.field}`
            const before = known.get(id) ?? 0
            known.set(id, before + operation.by)
            const isNew = this.get(write.key)?.[operation.field] === undefined
            return original.call(
              this,
              isNew
                ? { ...write, operations: [{ ...operation, by: before + operation.by }] }
                : write,
              keepLoser
            )
          }
      )
    }
  },
  {
    name: 'removed-for-good',
    breaks:
      'an element that was removed once cannot be added again: the add is taken for seen by the ' +
      'removal',
    seeds: 20,
    plant: () => {
      const removed = new WeakMap<Shard, Set<string>>()
      return patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            const known = removed.get(this) ?? new Set<string>()
            removed.set(this, known)
            const idOf = (element: unknown): string =>
              `${write.key} ${typeof element} ${String(element)}`
            for (const operation of write.operations ?? []) {
              if (operation.kind === 'remove') {
                known
                  .add(idOf(operation.element))
              }
            }
            const operations = write.operations?.filter(operation =>
              operation.kind !== 'add' || !known.has(idOf(operation.element))
            )
            if (operations?.length === 0) return false
            return original.call(
              this,
              operations === undefined ? write : { ...write, operations },
              keepLoser
            )
          }
      )
    }
  },
  {
    name: 'operation-without-identity',
    breaks: 'an owner tells the adds that it takes by itself: copies at two owners are two adds',
    seeds: 60,
    plant: () =>
      patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, { entered: _, ...write }, keepLoser): boolean {
            return original.call(this, write, keepLoser)
          }
      )
  },
  {
    name: 'expired-not-unset',
    breaks: 'fields that have expired are never unset, so consumers do not hear of their end',
    seeds: 20,
    plant: () => patch(Shard.prototype, 'expire', () => () => 0)
  },
  {
    name: 'index-forgets',
    breaks: 'an index hears of each record once: a later value is looked up by the first one',
    seeds: 20,
    plant: () => {
      const heard = new WeakMap<SecondaryIndexes, Set<string>>()
      return patch(
        SecondaryIndexes.prototype,
        'update',
        original =>
          function (this: SecondaryIndexes, key: string, fields: Fields | undefined): void {
            const known = heard.get(this) ?? new Set<string>()
            heard.set(this, known)
            if (!known.has(key)) original.call(this, key, fields)
            known.add(key)
          }
      )
    }
  },
  {
    name: 'last-bound-wins',
    breaks: 'a maximum or minimum takes every value it is given, as a register would',
    seeds: 40,
    plant: () =>
      patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            const [operation] = write.operations ?? []
            if (operation?.kind === 'max' || operation?.kind === 'min') {
              original.call(
                this,
                {
                  ...write,
                  operations: undefined,
                  fields: { [operation.field]: undefined }
                } as unknown as Write,
                false
              )
            }
            return original.call(this, write, keepLoser)
          }
      )
  },
  {
    name: 'sequence-ignored',
    breaks: 'of two events of one source the one that arrives later wins',
    seeds: 20,
    plant: () => {
      const last = new WeakMap<Shard, Map<string, number>>()
      return patch(
        Shard.prototype,
        'write',
        original =>
          function (this: Shard, write: Write, keepLoser = false): boolean {
            const [operation] = write.operations ?? []
            if (operation?.kind !== 'sequenced') return original.call(this, write, keepLoser)
            const known = last.get(this) ?? new Map<string, number>()
            last.set(this, known)
            const sequence = Math.max(operation.sequence, (known.get(write.key) ?? -1) + 1)
            known.set(write.key, sequence)
            return original.call(
              this,
              { ...write, operations: [{ ...operation, sequence }] },
              keepLoser
            )
          }
      )
    }
  }
]
