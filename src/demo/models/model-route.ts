/** `GET /api/model`: what answers in the demo, for its pages. */
import { type HttpRoute, http } from '../../routing/route.ts'
import type { DemoModel, ModelInfo } from './demo-model.ts'
import { PICTURES } from './readable-files.ts'

export function modelRoute(model: DemoModel | undefined): HttpRoute {
  const info: ModelInfo = {
    name: model?.name ?? null,
    isScripted: !model,
    canResume: model?.canResume ?? true,
    accept: (model?.files ?? PICTURES).join(','),
  }
  return http('/api/model', { GET: () => Response.json(info, { headers: { 'cache-control': 'no-store' } }) })
}
