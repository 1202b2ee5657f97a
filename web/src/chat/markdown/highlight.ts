/** Colours for code. What knows the languages is loaded when the first code is shown. */
import type { ParseOptions, ParsedCode, TokenType } from 'sugar-high/core'

export interface Piece {
  readonly type: TokenType | undefined
  readonly text: string
}

export type Highlighter = (code: string, language: string) => readonly Piece[]

let loading: Promise<Highlighter> | undefined

/** Loads it once. Rejects when it cannot be loaded; then code has no colours, and a later call tries again. */
export function loadHighlighter(): Promise<Highlighter> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<Highlighter> {
  const [{ parse }, { lang, languages }] = await Promise.all([
    import('sugar-high/core'),
    import('sugar-high/lang'),
  ])
  const configs = new Map<string, ParseOptions>(languages.map(({ id, config = {} }) => [id, config]))
  return (code, language) => {
    const config = configs.get(lang(language) ?? '')
    return config ? piecesOf(parse(code, config)) : [{ type: undefined, text: code }]
  }
}

function piecesOf({ lines }: ParsedCode): Piece[] {
  const pieces: Piece[] = []
  for (const { index, tokens } of lines) {
    if (index > 0) pieces.push({ type: undefined, text: '\n' })
    for (const { type, value } of tokens) pieces.push({ type, text: value })
  }
  return pieces
}
