/** Reads what came, whoever wrote it. */
import { InvalidMessage } from '../errors.ts'
import type { LossReport } from '../local/loss-report.ts'
import type { Envelope, MessageCodec } from './codec/codec.ts'

/** Nothing for a message that cannot be read, which is counted. */
export function openEnvelope(codec: MessageCodec, sealed: Buffer, losses: LossReport): Envelope | undefined {
  try {
    return codec.open(sealed)
  } catch (error) {
    // The reasons of InvalidMessage name members of the message.
    losses.countUnreadable(error instanceof InvalidMessage ? 'it is no message' : (error as Error).message)
    return undefined
  }
}
