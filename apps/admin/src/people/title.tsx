// The title of a conversation; a direct one has none, and is named by its two members.

export function Title({
  conversation,
}: {
  readonly conversation: { readonly conversation_id: string; readonly kind: string; readonly title: string };
}) {
  const { conversation_id, kind, title } = conversation;
  return kind === 'direct' ? <span className="quiet">{conversation_id.split(':').slice(1).join(', ')}</span> : title;
}
