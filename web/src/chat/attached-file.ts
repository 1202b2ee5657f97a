/** Files that are sent with a message. Images are made small enough in the browser. */
import type { FileUIPart } from 'ai'

/** A refusal, as a sentence for the reader. */
export class AttachError extends Error {
  override readonly name = 'AttachError'
}

/** Files of a message. */
export const MOST_FILES = 4
/** Bytes of a file that is opened at all: a larger one can take the memory of a phone. */
const MOST_BYTES = 40 * 1024 * 1024
/** A message may have 6 MiB as JSON, and base64 takes a third more. */
const MOST_SENT = 4 * 1024 * 1024
/** Pixels of the longer side, and the quality of JPEG, from the best to what any image fits with. */
const STEPS = [
  [1_568, 0.85],
  [1_024, 0.8],
  [768, 0.7],
  [512, 0.6],
] as const

/**
 * A part for a message, no larger than the `count`th share of what a message may have.
 *
 * @param accept kinds of files besides images, as `<input accept>` takes them.
 * @throws {AttachError} for what the model does not read, and what is too large.
 */
export async function filePart(file: File, accept: string, count: number): Promise<FileUIPart> {
  const name = file.name || 'The file'
  const isImage = file.type.startsWith('image/')
  if (!isImage && !accept.split(',').includes(file.type)) {
    throw new AttachError(`${name} is not an image${accept.includes('pdf') ? ' or a PDF' : ''}.`)
  }
  const most = isImage ? MOST_BYTES : MOST_SENT / count
  if (file.size > most)
    throw new AttachError(`${name} is too large: ${megabytes(file.size)}. The most is ${megabytes(most)}.`)
  return isImage ? await imagePart(file, name, count) : await asPart(file, file.type, name)
}

async function imagePart(file: File, name: string, count: number): Promise<FileUIPart> {
  const bitmap = await opened(file, name)
  try {
    for (const [side, quality] of STEPS) {
      const blob = await drawn(bitmap, side, quality)
      if (blob.size > MOST_SENT / count) continue
      return await asPart(blob, blob.type, name)
    }
  } finally {
    bitmap.close()
  }
  throw new AttachError(`${name} stays too large, however small it is made.`)
}

async function opened(file: File, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file)
  } catch (error) {
    throw new AttachError(`This browser cannot open ${name}.`, { cause: error })
  }
}

async function drawn(bitmap: ImageBitmap, side: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  const context = canvas.getContext('2d')
  if (!context) throw new AttachError('This browser cannot draw images.')
  // JPEG has no transparency: what is behind it would be black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
  if (!blob) throw new AttachError('This browser cannot make the image smaller.')
  return blob
}

async function asPart(blob: Blob, mediaType: string, filename: string): Promise<FileUIPart> {
  return { type: 'file', mediaType, filename, url: await asDataUrl(blob) }
}

function asDataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.addEventListener('load', () => resolve(reader.result as string))
    reader.addEventListener('error', () => reject(new AttachError('The file could not be read.')))
    reader.readAsDataURL(blob)
  })
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
