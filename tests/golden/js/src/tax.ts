export type Region = 'north' | 'south' | 'sea';

const RATES: Record<Region, number> = { north: 0.2, south: 0.1, sea: 0 };

export function rate(region: Region): number {
  return RATES[region] ?? fallback();
}

function fallback(): number {
  return 0.25;
}

export async function later(ms: number): Promise<string> {
  await new Promise((done) => setTimeout(done, ms));
  try {
    if (ms > 5) {
      throw new Error('long');
    }
    return 'short';
  } catch (error) {
    return 'caught';
  } finally {
    RATES.sea = 0.01;
  }
}

export enum Kind {
  Small,
  Large,
}
