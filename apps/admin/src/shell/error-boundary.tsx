// A page whose drawing failed says so in its own place; the navigation stays.

import { Component, type ReactNode } from 'react';

interface State {
  readonly error?: unknown;
}

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = {};

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <pre className="problem code" role="alert">
        {error instanceof Error ? (error.stack ?? error.message) : String(error)}
      </pre>
    );
  }
}
