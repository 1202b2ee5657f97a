import type { User } from '../consumers/scope.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Authenticate } from '../routing/route.ts'
import type { RequestScope } from './request-scope.ts'

/**
 * Asks the application who is connecting and puts the answer in the scope.
 *
 * @throws {HttpError} 401 when the hook knows nobody, or what the hook threw. Anything else that it
 * throws is a failure of the application.
 */
export async function authenticate(scope: RequestScope, hook: Authenticate | false | undefined): Promise<void> {
  if (!hook) return
  const user: unknown = await hook(scope.toRequest())
  if (user === undefined || user === null) throw new HttpError('unauthenticated')
  // The hook's type says that it returns one.
  scope.user = user as User
}
