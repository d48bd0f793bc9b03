/** The errors of a NATS connection, in words: where it failed, why, and what to do about it. */
import { shortened } from '../../../engine/base/plain.js'
import { messageOf } from '../../../engine/base/thrown.js'
import { ConnectionError } from '../../../engine/errors.js'

export function loginRefused (servers: readonly string[], cause: Error): ConnectionError {
  return new ConnectionError(
    `NATS at ${listed(servers)} refused the login (${
      messageOf(cause)
    }): check user and pass, or token`,
    cause
  )
}

export function cannotConnect (servers: readonly string[], cause: unknown): ConnectionError {
  const reason = messageOf(cause)
  return new ConnectionError(
    `cannot connect to NATS at ${listed(servers)} (${reason}): start nats-server there, or ` +
      'correct the servers option',
    cause
  )
}

/** An error that the server reports on its own, about a permission or anything else. */
export function reportedBy (
  { data, permissionContext }: {
    readonly data: unknown,
    readonly permissionContext?: { readonly operation: string, readonly subject: string }
  }
): ConnectionError {
  if (permissionContext === undefined) {
    return new ConnectionError(`NATS reported an error: ${messageOf(data)}`)
  }
  const refused = permissionContext.operation === 'publish' ? 'publishing on' : 'subscribing to'
  return new ConnectionError(
    `NATS refused ${refused} ${permissionContext.subject}: the user lacks the permission`
  )
}

function listed (servers: readonly string[]): string {
  return shortened(servers.map(server => shortened(server, 200)).join(', '), 1000)
}
