/** What a broker is told: combined broker and controller, replicated as far as there are brokers. */

export function propertiesOf(node, nodes, security, settings) {
  const replicas = Math.min(3, nodes.length)
  const minInSync = Math.min(2, nodes.length)
  const listeners = [
    { name: 'PLAINTEXT', port: node.client, protocol: 'PLAINTEXT' },
    { name: 'CONTROLLER', port: node.controller, protocol: 'PLAINTEXT', hidden: true },
    ...(node.proxied
      ? [{ name: 'PROXIED', port: node.proxied, protocol: 'PLAINTEXT', as: node.advertised }]
      : []),
    ...(security ? [{ name: 'SECURE', port: node.secure, protocol: security.protocol }] : [])
  ]
  const shown = listeners.filter(({ hidden }) => !hidden)
  return [
    'process.roles=broker,controller',
    `node.id=${node.id}`,
    `controller.quorum.voters=${nodes.map((n) => `${n.id}@127.0.0.1:${n.controller}`).join(',')}`,
    `listeners=${listeners.map(({ name, port }) => `${name}://127.0.0.1:${port}`).join(',')}`,
    `advertised.listeners=${shown.map(({ name, port, as }) => `${name}://${as ?? `127.0.0.1:${port}`}`).join(',')}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `listener.security.protocol.map=${listeners.map(({ name, protocol }) => `${name}:${protocol}`).join(',')}`,
    `log.dirs=${node.data}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${minInSync}`,
    `offsets.topic.replication.factor=${replicas}`,
    'offsets.topic.num.partitions=4',
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${minInSync}`,
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    // Records of tests and of replayed files carry times of other years: looked at every 5 minutes, they would be gone.
    'log.retention.ms=-1',
    ...(security?.properties ?? []),
    ...settings,
    ''
  ].join('\n')
}
