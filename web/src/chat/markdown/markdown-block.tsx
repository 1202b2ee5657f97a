/** A block of Markdown as elements. */
import { Lexer, type Token, type Tokens } from 'marked'
import { Fragment, type ReactElement, type ReactNode, memo } from 'react'
import { CodeBlock } from './code-block.tsx'
import { MOST_DEPTH, inline } from './inline.tsx'

/** `source` is parsed once, for as long as it stays the same. */
export const MarkdownBlock = memo(function MarkdownBlock({
  source,
}: {
  readonly source: string
}): ReactElement {
  const tokens = tokensOf(source)
  if (!tokens) return <p className="plain">{source}</p>
  return <>{blocks(tokens, 0)}</>
})

/** Undefined for what marked cannot take, such as ten thousand quotes in each other. */
function tokensOf(source: string): readonly Token[] | undefined {
  try {
    return new Lexer({ gfm: true }).lex(source)
  } catch {
    return undefined
  }
}

function blocks(tokens: readonly Token[], depth: number): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{one(token, depth + 1)}</Fragment>)
}

function one(token: Token, depth: number): ReactNode {
  if (depth > MOST_DEPTH) return <p className="plain">{token.raw}</p>
  switch (token.type) {
    case 'space':
    case 'def':
      return null
    case 'heading':
      return <Heading depth={(token as Tokens.Heading).depth}>{inline(token.tokens)}</Heading>
    case 'paragraph':
      return <p dir="auto">{inline(token.tokens)}</p>
    case 'code': {
      const { text, lang = '' } = token as Tokens.Code
      return <CodeBlock language={lang.split(/\s/)[0]?.toLowerCase() ?? ''} pieces={[`${text}\n`]} />
    }
    case 'blockquote':
      return <blockquote dir="auto">{blocks(token.tokens ?? [], depth)}</blockquote>
    case 'list':
      return <List list={token as Tokens.List} depth={depth} />
    case 'table':
      return <Table table={token as Tokens.Table} />
    case 'hr':
      return <hr />
    case 'html':
      return (
        <p className="plain" dir="auto">
          {token.raw.trimEnd()}
        </p>
      )
    default:
      // The text of an item of a list stands there without a paragraph.
      return inline([token])
  }
}

/** The page and the message have the first headings. */
function Heading({
  depth,
  children,
}: {
  readonly depth: number
  readonly children: ReactNode
}): ReactElement {
  const Tag = (['h3', 'h4', 'h5', 'h6'] as const)[Math.min(depth, 4) - 1] ?? 'h6'
  return <Tag dir="auto">{children}</Tag>
}

function List({ list, depth }: { readonly list: Tokens.List; readonly depth: number }): ReactElement {
  const items = list.items.map(({ tokens, task }, index) => (
    <li key={index} dir="auto" className={task ? 'task' : undefined}>
      {blocks(tokens, depth)}
    </li>
  ))
  if (!list.ordered) return <ul dir="auto">{items}</ul>
  return (
    <ol dir="auto" start={typeof list.start === 'number' ? list.start : 1}>
      {items}
    </ol>
  )
}

/** A wide table scrolls by itself, for the keyboard, too. */
function Table({ table: { header, rows, align } }: { readonly table: Tokens.Table }): ReactElement {
  const side = (column: number) => align[column] ?? undefined
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to take the focus
    <div className="table" role="region" aria-label="Table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {header.map(({ tokens }, column) => (
              <th key={column} scope="col" dir="auto" data-align={side(column)}>
                {inline(tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map(({ tokens }, column) => (
                <td key={column} dir="auto" data-align={side(column)}>
                  {inline(tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
