import type { StandardSchemaV1 } from '@standard-schema/spec'
import { CloseCode } from '../protocol/close-codes.ts'
import { type Json, JsonError, parseJson } from '../protocol/json.ts'
import { Consumer } from './consumer.ts'
import { MessageRefusedError } from './message-refused.ts'
import type { Params } from './scope.ts'
import type { WebSocketData } from './transport.ts'

/**
 * A consumer of JSON text frames.
 *
 * `In` is not checked unless there is a `schema`. A binary frame closes the connection with 1003; a text that
 * `parseJson` refuses with 1007 (no JSON, nested too deeply, a key that reaches a prototype, half a surrogate
 * pair); a message that the schema refuses with 1008. Override `refused` to answer instead.
 */
export class JsonWebSocketConsumer<In = Json, Out = unknown, P = Params> extends Consumer<In, Out, P> {
  /**
   * Checks every message before `receive`, and may transform it. Any Standard Schema: zod, valibot, arktype,
   * …
   */
  readonly schema: StandardSchemaV1<unknown, In> | undefined = undefined

  receive(_message: In): void | Promise<void> {}

  protected decode(data: WebSocketData): In | Promise<In> {
    if (typeof data !== 'string') {
      throw new MessageRefusedError('Send JSON in text frames, not binary ones', CloseCode.unsupportedData)
    }
    let value: Json
    try {
      value = parseJson(data)
    } catch (error) {
      if (error instanceof JsonError) throw new MessageRefusedError(error.message, CloseCode.invalidPayload)
      throw error
    }
    // Without a schema the user's type argument is trusted.
    return this.schema ? this.#validate(this.schema, value) : (value as In)
  }

  protected encode(message: Out): string {
    const text = JSON.stringify(message) as string | undefined
    if (text === undefined) throw new TypeError('send() takes a value that JSON can carry')
    return text
  }

  async #validate(schema: StandardSchemaV1<unknown, In>, value: Json): Promise<In> {
    const result = await schema['~standard'].validate(value)
    if (!result.issues) return result.value
    throw new MessageRefusedError(describe(result.issues[0]))
  }
}

/** Where the first issue is, and what it is, for the sender. */
function describe(issue: StandardSchemaV1.Issue | undefined): string {
  const path = (issue?.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return `${path && `${path}: `}${issue?.message ?? 'The message does not fit'}`
}
