/** How a store appends, with the bugs that are planted in that. */
import type { Json } from '../../src/protocol/json.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import type { AppendRequest, AppendResult } from '../../src/streams/store.ts'
import type { Faults } from './faults.ts'
import type { Host } from './host.ts'
import type { PlantedBug } from './planted-bugs.ts'
import type { SharedStore } from './shared-store.ts'

export interface PlantedAppend {
  readonly shared: SharedStore
  readonly host: Host
  readonly faults: Faults
  readonly planted: PlantedBug | undefined
  /** Whether the process hands its runs over. */
  readonly isLeaving: boolean
}

export async function appendPlanted(
  { shared, host, faults, planted, isLeaving }: PlantedAppend,
  id: string,
  request: AppendRequest,
): Promise<AppendResult> {
  const by = host.name
  const ofRun = request.producer?.id === LEASE_PRODUCER
  const { records = [] } = request
  switch (planted) {
    case 'acknowledged-before-kept':
      if (ofRun && records.length > 0 && !request.close && faults.happens(0.05)) {
        return shared.pretend(id, records)
      }
      break
    case 'close-forgotten':
      if (ofRun && request.close && faults.happens(0.3)) {
        const { close: _, end: __, ...others } = request
        // Most closes come without a record: then nothing is kept at all.
        const isEmpty = records.length === 0 && request.metadata === undefined
        const result = isEmpty ? await shared.pretend(id, []) : await shared.append(by, id, others)
        return result.outcome === 'appended' ? { ...result, closed: true } : result
      }
      break
    case 'record-dropped-at-hand-over':
      if (ofRun && isLeaving && records.length > 0 && !request.close) {
        return shared.append(by, id, {
          ...request,
          records: records.slice(0, -1),
          checkpoint: request.checkpoint ?? null,
        })
      }
      break
    case 'checkpoint-parted':
      if (
        ofRun &&
        request.checkpoint !== undefined &&
        records.length > 0 &&
        !request.close &&
        faults.happens(0.2)
      ) {
        const { checkpoint: _, ...others } = request
        // The process may die in between.
        const parted = { ...request, records: [] }
        await shared.append(by, id, parted, { secretly: true, smuggled: true })
        if (faults.happens(0.3)) {
          host.kill()
          return { outcome: 'missing' }
        }
        return shared.append(by, id, others)
      }
      break
    case 'lease-not-fenced': {
      const result = await shared.append(by, id, request)
      if (result.outcome !== 'fenced') return result
      return shared.append(by, id, request, { smuggled: true })
    }
    case 'owed-end-dropped': {
      const { owes: _, ...others } = request
      return shared.append(by, id, others)
    }
    case 'cancel-forgotten': {
      const { owes, ...others } = request
      const { cancel, ...left } = (owes ?? {}) as { readonly cancel?: Json; readonly ended?: boolean }
      if (cancel === undefined) break
      const forgetful = left.ended ? { ...others, owes: left as unknown as Json } : others
      return shared.append(by, id, forgetful)
    }
    case 'after-ignored': {
      const { after: _, ...others } = request
      return shared.append(by, id, others)
    }
    case 'chat-answer-doubled': {
      if (!request.producer?.id.startsWith('@run/')) break
      const { producer: _, ...others } = request
      return shared.append(by, id, others)
    }
    case 'chat-answer-forgotten':
      if (request.producer?.id.startsWith('@run/') && faults.happens(0.3)) return shared.pretend(id, records)
      break
    case 'chat-decided-blindly': {
      if (!id.startsWith('@chat-log/')) break
      const { after: _, ...others } = request
      return shared.append(by, id, others)
    }
    case 'deaths-not-counted': {
      const { metadata } = request
      const { run } = (metadata ?? {}) as { readonly run?: object }
      const forgetful = run ? { ...request, metadata: { run: { ...run, barren: 0 } } as Json } : request
      return shared.append(by, id, forgetful)
    }
    case 'double-misplaced':
      return shared.append(by, id, request, { misplaced: true })
    case 'double-not-recognised': {
      const result = await shared.append(by, id, request)
      if (result.outcome !== 'duplicate' || request.close || records.length === 0) return result
      return shared.append(by, id, request, { smuggled: true })
    }
    default:
  }
  return shared.append(by, id, request)
}
