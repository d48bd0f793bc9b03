// Two worlds that run at once end in any order, and their replacements of methods with them.
import test from 'ava'
import { patch } from '../../sim/patch.js'

class Greeter {
  greet (): string {
    return 'hello'
  }
}

const louder = (original: Greeter['greet']) =>
  function (this: Greeter): string {
    return `${original.call(this)}!`
  }
const politer = (original: Greeter['greet']) =>
  function (this: Greeter): string {
    return `dear ${original.call(this)}`
  }

test('replacements of one method add up, and each can be undone first', t => {
  const greeter = new Greeter()
  const undoLouder = patch(Greeter.prototype, 'greet', louder)
  const undoPoliter = patch(Greeter.prototype, 'greet', politer)
  t.is(greeter.greet(), 'dear hello!')
  undoLouder()
  t.is(greeter.greet(), 'dear hello')
  undoLouder()
  undoPoliter()
  t.is(greeter.greet(), 'hello')
  t.is(patch(Greeter.prototype, 'greet', louder)(), undefined)
  t.is(greeter.greet(), 'hello')
})
