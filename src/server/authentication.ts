import type { User } from '../consumers/scope.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Authenticate } from '../routing/route.ts'
import type { RequestScope } from './request-scope.ts'

/**
 * Asks the application who is connecting and puts the answer in the scope.
 *
 * @throws {HttpError} 401 when the hook knows nobody, or what the hook threw. Anything else that it
 * throws is a failure of the application. `signal` tells the hook that nobody waits any more.
 */
export async function authenticate(
  scope: RequestScope,
  hook: Authenticate | false | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (!hook) return
  const user: unknown = await hook(scope.toRequest(signal))
  // `false` is what a check that failed says, and it must not become the name of a user.
  if (user === undefined || user === null || user === false) throw new HttpError('unauthenticated')
  // eslint-disable-next-line typescript/no-unnecessary-type-assertion -- needed where `Register` names a type
  scope.user = user as User
}
