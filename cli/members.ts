/**
 * All nodes of a cluster, asked one by one. A client may use a cluster before it has heard every
 * node, and a node that died is still a member for some seconds; so each node is also asked whom it
 * sees, until no new node is named.
 */
import type { MillpondClient } from '../node/connect.js'
import type { NodeStatus } from '../pubsub/requests/status-protocol.js'

export interface MembersAnswer {
  /** Sorted by name. */
  readonly nodes: readonly NodeStatus[]
  /** Nodes that were heard or named and did not answer, and why. */
  readonly unanswered: ReadonlyArray<{ readonly node: string, readonly problem: string }>
}

export async function askMembers (client: MillpondClient): Promise<MembersAnswer> {
  const nodes: NodeStatus[] = []
  const unanswered: Array<{ node: string, problem: string }> = []
  const asked = new Set<string>()
  for (let names = [...client.nodes]; names.length > 0;) {
    for (const name of names) asked.add(name)
    const answers = await Promise.allSettled(names.map(name => client.statusOf(name)))
    answers.forEach((answer, i) => {
      if (answer.status === 'fulfilled') nodes.push(answer.value)
      else {unanswered.push({
          node: names[i] ?? '',
          problem: answer.reason instanceof Error ? answer.reason.message : String(answer.reason)
        })}
    })
    names = [...new Set(nodes.flatMap(({ members }) => members))].filter(name => !asked.has(name))
  }
  return { nodes: nodes.sort((a, b) => a.node < b.node ? -1 : 1), unanswered }
}
