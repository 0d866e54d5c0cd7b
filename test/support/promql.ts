/** What a query names, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql'

export interface Selector {
  readonly metric: string
  readonly labels: readonly string[]
}

export interface QueryNames {
  readonly selectors: readonly Selector[]
  /** Labels that results are grouped or matched by. */
  readonly grouping: readonly string[]
}

/** @throws when the query does not parse. Grafana's variables have to be filled in before. */
export function namesOf(query: string): QueryNames {
  const selectors: { metric: string; labels: string[] }[] = []
  const grouping: string[] = []
  let inGrouping = false
  parser.parse(query).iterate({
    enter({ name, from, to, type }) {
      const text = query.slice(from, to)
      if (type.isError) throw new Error(`the query does not parse at ${from}: ${query}`)
      if (name === 'VectorSelector') selectors.push({ metric: '', labels: [] })
      if (name === 'Identifier') selectors.at(-1)!.metric = text
      if (name === 'GroupingLabels') inGrouping = true
      if (name === 'LabelName') {
        if (inGrouping) grouping.push(text)
        else selectors.at(-1)!.labels.push(text)
      }
    },
    leave({ name }) {
      if (name === 'GroupingLabels') inGrouping = false
    }
  })
  return { selectors, grouping }
}
