/**
 * Copies of the fields of a record: of the smallest size, and cheap to freeze.
 *
 * V8 gives an object another hidden class when the object is frozen. Copies of equal fields should
 * get the same class, because that decides how fast records are read (docs/adr/0011):
 *
 *   { ...fields }               smallest size, but once frozen each copy has its own class
 *   Object.assign({}, fields)   one class; the object has room for four fields, and a second
 *                               object holds the others
 *   copyOf(fields)              one class, and room for exactly the fields there are
 *
 * V8 learns from the first few objects of a constructor how much room its objects need. It does not
 * reckon with more than eight fields.
 */
const MAX_FIELDS = 8
/** More objects than V8 watches before it settles on a size. */
const LESSONS = 16

type Fresh = new() => Record<string, unknown>

/** Constructors by the number of fields. Their objects are plain objects in every respect. */
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

/** A plain object with the same fields in the same order. Nested values are not copied. */
export function copyOf (fields: Record<string, unknown>): Record<string, unknown> {
  let count = 0
  for (const name in fields) {
    // Object.assign would set the prototype, and the field would be lost without an error.
    if (name === '__proto__') return { ...fields }
    count++
  }
  const Fresh = constructors[count]
  return Object.assign(Fresh === undefined ? {} : new Fresh(), fields)
}
