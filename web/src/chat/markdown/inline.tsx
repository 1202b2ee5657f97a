/** Draws what marked found inside of a block. Elements only: no text of a model becomes HTML. */
import type { Token, Tokens } from 'marked'
import { Fragment, type ReactElement, type ReactNode } from 'react'
import { withoutEntities } from './entities.ts'
import { safeLink } from './links.ts'

/** Deeper than this, what is written is shown as it is written. */
export const MOST_DEPTH = 16

export function inline(tokens: readonly Token[] | undefined, depth: number = 0): ReactNode {
  return tokens?.map((token, index) => <Fragment key={index}>{one(token, depth + 1)}</Fragment>)
}

function one(token: Token, depth: number): ReactNode {
  if (depth > MOST_DEPTH) return token.raw
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens, depth)}</strong>
    case 'em':
      return <em>{inline(token.tokens, depth)}</em>
    case 'del':
      return <del>{inline(token.tokens, depth)}</del>
    case 'codespan':
      return <code dir="ltr">{(token as Tokens.Codespan).text}</code>
    case 'br':
      return <br />
    case 'checkbox':
      return <Checkbox isChecked={(token as Tokens.Checkbox).checked} />
    case 'link':
      return <Link address={(token as Tokens.Link).href}>{inline(token.tokens, depth)}</Link>
    case 'image': {
      const { href, text } = token as Tokens.Image
      return <Image address={href} text={text} />
    }
    case 'escape':
      return (token as Tokens.Escape).text
    case 'html':
      // Models break the lines of a table's cells with it.
      return /^<br\s*\/?>$/i.test(token.raw) ? <br /> : token.raw
    case 'text': {
      const { tokens, text } = token as Tokens.Text
      return tokens ? inline(tokens, depth) : withoutEntities(text)
    }
    default:
      return token.raw
  }
}

/** A link says where it leads, since its text may say something else. */
function Link({
  address,
  children,
}: {
  readonly address: string
  readonly children: ReactNode
}): ReactElement {
  const link = safeLink(address)
  if (!link) {
    return (
      <>
        <bdi>{children}</bdi> <code dir="ltr">{shortened(address)}</code>
      </>
    )
  }
  return (
    <a className="link" href={link.href} target="_blank" rel="noopener noreferrer nofollow" title={link.href}>
      <bdi>{children}</bdi>
      <span className="target">
        <bdi dir="ltr">{link.target}</bdi>
      </span>
    </a>
  )
}

/** Is not loaded: its address would tell another server who reads this, and when. */
function Image({ address, text }: { readonly address: string; readonly text: string }): ReactElement {
  return (
    <span className="unloaded-image">
      Image: <Link address={address}>{text || 'without a description'}</Link>
    </span>
  )
}

function Checkbox({ isChecked }: { readonly isChecked: boolean }): ReactElement {
  return (
    <span className="checkbox" role="img" aria-label={isChecked ? 'Done:' : 'To do:'}>
      {isChecked ? '☑' : '☐'}{' '}
    </span>
  )
}

function shortened(address: string): string {
  return address.length > 80 ? `${address.slice(0, 80)}…` : address
}
