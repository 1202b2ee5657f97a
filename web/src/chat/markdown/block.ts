/** A text of Markdown as blocks, each of which is parsed and drawn by itself. */

export type Block =
  | { readonly kind: 'markdown'; readonly source: string }
  /** A text that is too long to be parsed. */
  | { readonly kind: 'plain'; readonly source: string }
  /** `pieces` joined are the code. All but the last one stay as they are while it grows. */
  | { readonly kind: 'code'; readonly language: string; readonly pieces: readonly string[] }

export interface Blocks {
  /** Blocks that are finished, in groups that are drawn as one. A group that is full stays the same object. */
  readonly sections: readonly (readonly Block[])[]
  /** The finished blocks of the group that is not full. */
  readonly last: readonly Block[]
  /** The block at the end, which may still grow. */
  readonly open: Block | undefined
}
