/** What a stream holds, by its content type. */
import type { StreamInfo } from '../../streams/store.ts'

/** Records of JSON; those of any other stream are bytes. */
export function isJson({ contentType }: StreamInfo): boolean {
  return /^application\/(?:[^;]*\+)?json\s*(?:;|$)/i.test(contentType)
}
