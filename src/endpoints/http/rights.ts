/** Who may do what with a stream, for every request: by the application's rule, or by owner. */
import { isOfThisMachine } from '../../consumers/client-network.ts'
import { type Logger, libraryLogger } from '../../logging/logger.ts'
import type { Scope } from '../../consumers/scope.ts'
import { isStreamId } from '../../protocol/stream-frames.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { askRule } from '../application-rule.ts'
import type { Authorization, Authorize, StreamAttempt, StreamVerb } from '../authorize.ts'
import { type OwnerOf, nobodyAsked } from '../owner-of.ts'
import { type LookUp, StreamAccess } from '../stream-access.ts'
import type { Exchange } from './exchange.ts'
import { Refusal } from './refusal.ts'

/** A prefix of ids. */
const PREFIX = /^[\x21-\x7e]{1,400}\/$/

export interface RightsOptions {
  readonly store: StreamStore
  readonly ownerOf?: OwnerOf
  readonly logger?: Logger
  readonly lookUp?: LookUp | undefined
  /** Default: only the owner may use a stream. */
  readonly authorize?: Authorize
  /** See `DurableStreamsOptions`. */
  readonly creation?: boolean
  readonly idPrefix?: (owner: string) => string
  /** Whether, without authentication, only clients of this machine are answered. */
  readonly isGuarded?: boolean
}

/** A stream that the client may use as requested. */
export interface Permitted {
  readonly info: StreamInfo
  /** Whether everybody may do so. */
  readonly isEverybodys: boolean
}

export class Rights {
  readonly access: StreamAccess
  readonly logger: Logger
  readonly #options: RightsOptions
  #hasComplained = false

  constructor(options: RightsOptions) {
    this.#options = options
    this.access = new StreamAccess(options)
    this.logger = options.logger ?? libraryLogger()
  }

  /**
   * A stream, if the client may do this with it. A stream of somebody else looks like one that does not exist.
   * Rejects as the store and the application's rule do.
   */
  async find(
    verb: Exclude<StreamVerb, 'create'>,
    id: string,
    exchange: Omit<Exchange, 'params'>,
  ): Promise<Permitted | undefined> {
    const { scope, signal } = exchange
    this.#guard(scope)
    const { access } = this
    const { authorize } = this.#options
    const owner = access.ownerOf(scope.user)
    // A malformed id belongs to no stream.
    if (!isStreamId(id)) return undefined
    if (!authorize) {
      const info = await access.find(id, scope.user, signal)
      // A name stands for another stream for another user, and caches on the way do not know users.
      return info && permit(info, nobodyAsked(scope.user) && info.id === id)
    }
    const info = await access.look(id, signal)
    const isOwn = info !== undefined && info.owner === owner
    const answer = await this.#ask(authorize, exchange, { verb, stream: { id, owner: info?.owner, isOwn } })
    return info && answer !== false ? permit(info, answer === 'everybody') : undefined
  }

  /**
   * The owner of a stream that the client creates.
   *
   * @throws {Refusal} when the client may not create a stream of this id.
   */
  async create(id: string, exchange: Omit<Exchange, 'params'>): Promise<string | undefined> {
    this.#guard(exchange.scope)
    const owner = this.access.ownerOf(exchange.scope.user)
    const { authorize, creation = true } = this.#options
    if (!creation) throw new Refusal('creation_refused', 'This endpoint does not create streams.')
    if (!this.access.mayExist(id)) throw new Refusal('stream_name_refused')
    this.#checkPrefix(id, owner)
    if (!authorize) return owner
    const answer = await this.#ask(authorize, exchange, {
      verb: 'create',
      stream: { id, owner, isOwn: true },
    })
    if (answer === false) throw new Refusal('creation_refused')
    return owner
  }

  /** @throws {Refusal} for an id without the owner's prefix. */
  #checkPrefix(id: string, owner: string | undefined): void {
    const { idPrefix } = this.#options
    if (!idPrefix) return
    if (owner === undefined) throw new Refusal('creation_refused')
    const prefix: unknown = idPrefix(owner)
    if (typeof prefix !== 'string' || !PREFIX.test(prefix) || !this.access.mayExist(`${prefix}x`))
      throw new TypeError('idPrefix must return the beginning of an id, ending with a slash')
    if (id.startsWith(prefix) && id.length > prefix.length) return
    throw new Refusal(
      'stream_name_not_yours',
      `The ids of your streams begin with ${JSON.stringify(prefix)}.`,
    )
  }

  /** @throws {Refusal} for a client of another machine, if there is no authentication. */
  #guard({ user, client }: Scope<unknown>): void {
    const { isGuarded = false, authorize } = this.#options
    if (!isGuarded || authorize || !nobodyAsked(user) || isOfThisMachine(client.address)) return
    if (!this.#hasComplained) {
      this.#hasComplained = true
      this.logger.error(
        {},
        'streams are refused to clients of other machines, as there is no authentication: give ' +
          'durableStreams an authenticate or an authorize, or allowAnonymous: true to let anyone write',
      )
    }
    throw new Refusal('anonymous_refused')
  }

  async #ask(
    authorize: Authorize,
    { scope, signal }: Omit<Exchange, 'params'>,
    attempt: Omit<StreamAttempt, 'signal'>,
  ): Promise<Authorization> {
    const { logger } = this
    const question = { name: 'authorize', scope, undecided: 'access_undecided', signal, logger } as const
    const answer = await askRule(question, (asking) => authorize(scope, { ...attempt, signal: asking }))
    if (answer === true || answer === false || answer === 'everybody') return answer
    throw new TypeError(`authorize returned ${describe(answer)}; it must return true, false or 'everybody'`)
  }
}

function permit(info: StreamInfo, isEverybodys: boolean): Permitted {
  return { info, isEverybodys }
}

/** The type only: the value may be a secret. */
function describe(answer: unknown): string {
  return answer === null ? 'null' : typeof answer
}
