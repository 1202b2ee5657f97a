/** What is known of each stream at one moment of a trace: what must be there, and what may. */
import type { JournalLine } from './journal.ts'

export class StreamKnowledge {
  readonly id: string
  life = 0
  created = false
  /** Asked to be deleted; and whether that was acknowledged. */
  deleting = false
  deleted = false
  closing = false
  closed = false
  stopping = false
  /** Records that must be there, and how many may. */
  kept = 0
  asked = 0
  /** Tokens of places that were given out. */
  places: string[] = []
  /** The last append that was acknowledged to the producer `writer`. */
  seq: number | undefined
  /** The values that the metadata may have; `undefined` for none. */
  metadata: (number | undefined)[] = [undefined]
  epoch = 0

  constructor(id: string) {
    this.id = id
  }
}

export class Knowledge {
  readonly streams = new Map<string, StreamKnowledge>()
  /** Acknowledgements so far. */
  acknowledged = 0

  learn(line: JournalLine): void {
    const known = this.#stream(line)
    if (!('done' in line) || line.done) this.acknowledged++
    switch (line.what) {
      case 'create':
        known.created = line.done
        break
      case 'append':
        if (!line.done) known.asked = Math.max(known.asked, line.upTo)
        else {
          known.kept = Math.max(known.kept, line.upTo)
          known.seq = line.seq
          known.places.push(line.at)
        }
        break
      case 'seen':
        if (line.life !== known.life || known.deleting) break
        known.kept = Math.max(known.kept, line.upTo)
        known.places.push(line.at)
        break
      case 'metadata':
        known.metadata = line.done ? [line.value] : [...known.metadata, line.value]
        break
      case 'lease':
        known.epoch = line.epoch
        break
      case 'stop':
        known.stopping = true
        break
      case 'close':
        known.closing = true
        known.closed ||= line.done
        break
      case 'delete':
        known.deleting = true
        known.deleted ||= line.done
        break
    }
  }

  /** That of the line's stream, which begins anew with each life. */
  #stream(line: JournalLine): StreamKnowledge {
    const { id } = line
    let known = this.streams.get(id)
    if (!known || (line.what === 'create' && !line.done && line.life !== known.life)) {
      known = new StreamKnowledge(id)
      if (line.what === 'create') known.life = line.life
      this.streams.set(id, known)
    }
    return known
  }
}
