import type { FileUIPart } from 'ai'
import type { ReactElement } from 'react'
import { safeLink } from './markdown/links.ts'

interface FileViewProps {
  readonly file: FileUIPart
  /** Whether the reader sent it. */
  readonly isOwn?: boolean
}

/** Kinds of images that are shown: none of them can hold a script. */
const SHOWN = /^data:image\/(?:png|jpeg|gif|webp|avif);/i

/** A file in a message. Images are shown where they came with the message; nothing is loaded from elsewhere. */
export function FileView({ file, isOwn = false }: FileViewProps): ReactElement {
  const { filename, mediaType, url } = file
  const name = filename || (isOwn ? 'Your image' : 'File')
  if (SHOWN.test(url)) return <img className="file-image" src={url} alt={name} />
  const link = safeLink(url)
  return (
    <p className="file">
      {link ? (
        <a href={link.href} target="_blank" rel="noopener noreferrer nofollow">
          <bdi>{name}</bdi> <span className="target">{link.target}</span>
        </a>
      ) : (
        <bdi>{name}</bdi>
      )}{' '}
      <span className="target">{mediaType.slice(0, 80)}</span>
    </p>
  )
}
