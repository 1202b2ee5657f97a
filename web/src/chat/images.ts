/** Images that are sent with a message: made small enough in the browser. */
import type { FilePart } from './chat-data.ts'

/** A refusal, as a sentence for the reader. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
}

/** Images of a message. */
export const MOST_IMAGES = 4
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
 * @throws {ImageError} for what is no image, or too large to be made small.
 */
export async function imagePart(file: File, count: number): Promise<FilePart> {
  const name = file.name || 'image'
  if (!file.type.startsWith('image/')) throw new ImageError(`${name} is not an image.`)
  if (file.size > MOST_BYTES)
    throw new ImageError(
      `${name} is too large: ${megabytes(file.size)}. The most is ${megabytes(MOST_BYTES)}.`,
    )
  const bitmap = await opened(file, name)
  try {
    for (const [side, quality] of STEPS) {
      const blob = await drawn(bitmap, side, quality)
      if (blob.size > MOST_SENT / count) continue
      return { type: 'file', mediaType: blob.type, filename: name, url: await asDataUrl(blob) }
    }
  } finally {
    bitmap.close()
  }
  throw new ImageError(`${name} stays too large, however small it is made.`)
}

async function opened(file: File, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file)
  } catch (error) {
    throw new ImageError(`This browser cannot open ${name}.`, { cause: error })
  }
}

async function drawn(bitmap: ImageBitmap, side: number, quality: number): Promise<Blob> {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  const context = canvas.getContext('2d')
  if (!context) throw new ImageError('This browser cannot draw images.')
  // JPEG has no transparency: what is behind it would be black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
  if (!blob) throw new ImageError('This browser cannot make the image smaller.')
  return blob
}

function asDataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.addEventListener('load', () => resolve(reader.result as string))
    reader.addEventListener('error', () => reject(new ImageError('The image could not be read.')))
    reader.readAsDataURL(blob)
  })
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
