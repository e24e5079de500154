import { useState } from 'react';

const KEY = 'name in the sandbox';

/** Who this browser's edits say they are by, for others who look; empty for nobody in particular. */
export function storedName(): string {
  return localStorage.getItem(KEY) ?? '';
}

export function useName(): [string, (name: string) => void] {
  const [name, setName] = useState(storedName);
  return [
    name,
    (changed) => {
      localStorage.setItem(KEY, changed.trim());
      setName(changed);
    },
  ];
}
