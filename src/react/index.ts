'use client'
/** The public entry of `millrace/react`. */
export { recordText } from './record-text.ts'
export type { ViewStatus } from './stream-observer.ts'
export { type StreamOptions, type StreamView, useStream } from './use-stream.ts'
