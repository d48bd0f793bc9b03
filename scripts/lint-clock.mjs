/**
 * One lint rule: no reading of the current time through Date. `new Date(ms)` is arithmetic and
 * fine; `new Date()`, `Date()` and anything that takes `Date.now`, directly or by another name,
 * asks the machine.
 */
const noCurrentDate = {
  create (context) {
    const report = node =>
      context.report({ node, message: 'Use the Clock port: the core runs under simulated time.' })
    return {
      NewExpression (node) {
        if (isDate(node.callee) && node.arguments.length === 0) report(node)
      },
      CallExpression (node) {
        if (isDate(node.callee)) report(node)
      },
      MemberExpression (node) {
        const name = node.computed ? node.property.value : node.property.name
        if (isDate(node.object) && name === 'now') report(node)
      },
      VariableDeclarator (node) {
        if (isDate(node.init)) report(node)
      }
    }
  }
}

function isDate (node) {
  if (node?.type === 'MemberExpression') {
    return node.object.name === 'globalThis' && node.property.name === 'Date'
  }
  return node?.type === 'Identifier' && node.name === 'Date'
}

export default { meta: { name: 'clock' }, rules: { 'no-current-date': noCurrentDate } }
