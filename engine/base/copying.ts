/**
 * Copies of the fields of a record: as small as can be, and such that they can be frozen.
 *
 * V8 gives an object another hidden class when it is frozen. Which copies get the same one decides
 * how fast everything is that reads records (docs/adr/0011):
 *
 *   { ...fields }               as small as can be, but frozen each has a class of its own
 *   Object.assign({}, fields)   one class; four fields have room in the object, the others in a
 *                               second one
 *   copyOf(fields)              one class, and room for as many fields as there are
 *
 * How much room the objects of a constructor need, V8 learns from the first few; more than eight
 * fields it does not reckon with.
 */
const MAX_FIELDS = 8
/** More objects than V8 learns from. */
const LESSONS = 16

type Fresh = new() => Record<string, unknown>

/** By the number of fields: constructors of objects that are plain ones in every respect. */
const constructors: readonly Fresh[] = Array.from({ length: MAX_FIELDS + 1 }, (_, count) => {
  const Fresh = function () {} as unknown as Fresh
  Fresh.prototype = Object.prototype
  const names = Array.from({ length: count }, (_name, i) => `field${i}`)
  for (let lesson = 0; lesson < LESSONS; lesson++) {
    const fresh = new Fresh()
    for (const name of names) fresh[name] = lesson
  }
  return Fresh
})

/** A plain object with the same fields in the same order. What they hold is not copied. */
export function copyOf (fields: Record<string, unknown>): Record<string, unknown> {
  let count = 0
  for (const name in fields) {
    // assigned, it would be no field any more, and nobody would refuse it
    if (name === '__proto__') return { ...fields }
    count++
  }
  const Fresh = constructors[count]
  return Object.assign(Fresh === undefined ? {} : new Fresh(), fields)
}
