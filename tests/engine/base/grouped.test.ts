import test from 'ava'
import { groupedBy } from '../../../engine/base/grouped.js'

test('groups keep the order of their items, and come in the order of their first', t => {
  const grouped = groupedBy([5, 2, 4, 3, 1], number => number % 2 === 0 ? 'even' : 'odd')
  t.deepEqual([...grouped], [['odd', [5, 3, 1]], ['even', [2, 4]]])
  t.is(groupedBy([], () => 'never').size, 0)
})
