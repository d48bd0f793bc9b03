/**
 * Every subject Millpond uses, in one place. The sender's or receiver's name is a token of its own,
 * so that a server's permissions can vouch for who publishes and who may be asked (see Subjects in
 * ARCHITECTURE.md).
 */
import { describe } from '../../engine/base/plain.js'
import { ConfigError } from '../../engine/errors.js'

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/

export function isToken (name: string): boolean {
  return TOKEN.test(name)
}

/** @throws ConfigError when the name cannot be a subject token */
export function checkToken (what: string, name: string): string {
  if (!isToken(name)) {
    throw new ConfigError(
      `${what} ${describe(name)} cannot be used: 1 to 64 letters, digits, '-' and '_' are allowed`
    )
  }
  return name
}

export function subjectsOf (cluster: string) {
  const p = `mp.${cluster}`
  return {
    heartbeat: (node: string) => `${p}.hb.${node}`,
    heartbeats: `${p}.hb.*`,
    /** Asks every node to send a heartbeat now. */
    hello: `${p}.hello`,
    deltas: (cache: string, node: string, group: number) => `${p}.${cache}.d.${node}.${group}`,
    deltasOfGroup: (cache: string, group: number) => `${p}.${cache}.d.*.${group}`,
    /** Nodes listen here so that others find out that they are there (presence.ts). */
    there: (cache: string, position: number, digit: number) =>
      `${p}.${cache}.there.${position}.${digit}`,
    hints: (cache: string, node: string) => `${p}.${cache}.n.${node}`,
    hintsOfCache: (cache: string) => `${p}.${cache}.n.*`,
    /** Replication between nodes: questions to `to`, asked by `from`. */
    peer: (to: string, from: string) => `${p}.ae.${to}.${from}`,
    peerAll: (to: string) => `${p}.ae.${to}.*`,
    acks: (to: string, from: string) => `${p}.ack.${to}.${from}`,
    acksAll: (to: string) => `${p}.ack.${to}.*`,
    writes: (to: string) => `${p}.w.${to}`,
    requests: (to: string) => `${p}.q.${to}`
  }
}

export type Subjects = ReturnType<typeof subjectsOf>

/** The n-th token from the end, 0 being the last. */
export function tokenFromEnd (subject: string, n: number): string {
  const tokens = subject.split('.')
  return tokens[tokens.length - 1 - n] ?? ''
}
