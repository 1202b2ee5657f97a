/** Reads what came, whoever wrote it. */
import { isChannelError } from '../errors.ts'
import type { LossReport } from '../local/loss-report.ts'
import type { Envelope, MessageCodec } from './codec/codec.ts'

/** Nothing for a message that cannot be read, which is counted. */
export function openEnvelope(codec: MessageCodec, sealed: Buffer, losses: LossReport): Envelope | undefined {
  try {
    return codec.open(sealed)
  } catch (error) {
    // The reasons of invalid_message name members of the message.
    losses.countUnreadable(
      isChannelError(error, 'invalid_message') ? 'it is no message' : (error as Error).message,
    )
    return undefined
  }
}
