import { useRef, useState, type MouseEvent, type PointerEvent, type RefObject } from 'react';
import { fillingTo, type Filling } from '../core/filling';
import type { Area } from '../core/selection';
import { hit, type Geometry, type Hit } from './geometry';
import type { Dimension } from './Hidden';

const SMALLEST = 20;

interface Sizing {
  readonly dimension: Dimension;
  readonly index: number;
  /** Of the line when the mouse was pressed, and where it was pressed. */
  readonly size: number;
  readonly from: number;
  /** Where the line would end, from the viewport's edge on. */
  readonly end: number;
}

export interface Pointed {
  /** A click; `extending` with Shift, and while a range is drawn. */
  readonly onPick: (on: Hit, extending: boolean) => void;
  readonly onTouch: (on: Hit) => void;
  readonly onEdit: () => void;
  readonly onSize: (dimension: Dimension, index: number, pixels: number) => void;
  readonly onFit: (dimension: Dimension, index: number) => void;
  readonly onShow: (dimension: Dimension, at: number, count: number) => void;
  /** `other` with Ctrl: what is counted on otherwise is repeated, and the other way round. */
  readonly onFill: (filling: Filling, other: boolean) => void;
  /** Continues them as far down as the column beside. */
  readonly onFillDown: () => void;
  readonly onMenu: (on: Hit, x: number, y: number) => void;
}

/** What a mouse, a pen or a finger does in the grid: pick and draw, size lines, show hidden ones, continue cells. */
export function usePointer(viewport: RefObject<HTMLDivElement | null>, at: Geometry, selected: Area, to: Pointed) {
  const drawing = useRef<Hit['on'] | null>(null);
  /** What was pressed last: a click comes to the viewport where that has caught the pointer. */
  const pressed = useRef<HTMLElement | null>(null);
  const [sizing, setSizing] = useState<Sizing | null>(null);
  const [filling, setFilling] = useState<Filling | 'none yet' | null>(null);
  const busy = () => drawing.current !== null || sizing !== null || filling !== null;

  function under(event: MouseEvent): Hit | null {
    const box = viewport.current?.getBoundingClientRect();
    if (box === undefined || viewport.current === null) return null;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = viewport.current;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    // On a scroll bar.
    if (!busy() && (x > clientWidth || y > clientHeight)) return null;
    return hit(x, y, { left: scrollLeft, top: scrollTop }, at);
  }

  function press(event: PointerEvent): void {
    if (event.button !== 0) return;
    const target = event.target as HTMLElement;
    pressed.current = target;
    if (target.dataset.size !== undefined) {
      beginSizing(event, target.dataset.size as Dimension, Number(target.dataset.index));
      return;
    }
    if (event.pointerType === 'touch' || target.closest('button') !== null) return;
    const on = under(event);
    if (on === null) return;
    event.preventDefault(); // the focus stays in the cell's field
    to.onPick(on, event.shiftKey);
    drawing.current = on.on;
    event.currentTarget.setPointerCapture(event.pointerId);
  }

  function beginSizing(event: PointerEvent, dimension: Dimension, index: number): void {
    event.preventDefault();
    const axis = dimension === 'ROWS' ? at.rows : at.columns;
    const size = axis.sizeAt(axis.place(index));
    const box = (event.target as HTMLElement).parentElement?.getBoundingClientRect();
    const frame = viewport.current?.getBoundingClientRect();
    if (box === undefined || frame === undefined) return;
    const end = dimension === 'ROWS' ? box.bottom - frame.top : box.right - frame.left;
    setSizing({ dimension, index, size, from: along(dimension, event), end });
    viewport.current?.setPointerCapture(event.pointerId);
  }

  function move(event: PointerEvent): void {
    if (sizing !== null) {
      const by = along(sizing.dimension, event) - sizing.from;
      setSizing({ ...sizing, from: sizing.from + by, end: sizing.end + by, size: sizing.size + by });
      return;
    }
    if (filling === null && (drawing.current === null || drawing.current === 'corner')) return;
    follow(event);
    const on = under(event);
    if (on === null || on.on === 'corner') return;
    if (filling !== null) setFilling(fillingTo(selected, on.cell) ?? 'none yet');
    else if (drawing.current !== null && drawing.current !== 'corner') to.onPick({ on: drawing.current, cell: on.cell }, true);
  }

  /** Scrolls to where the pointer has left the viewport. */
  function follow(event: PointerEvent): void {
    const box = viewport.current?.getBoundingClientRect();
    if (box === undefined) return;
    const out = (at: number, first: number, last: number) => Math.min(at - first, 0) || Math.max(at - last, 0);
    const left = out(event.clientX, box.left, box.right - 20);
    const top = out(event.clientY, box.top, box.bottom - 20);
    if (left !== 0 || top !== 0) viewport.current?.scrollBy({ left, top });
  }

  function release(event: PointerEvent): void {
    drawing.current = null;
    if (sizing !== null) {
      const { dimension, index } = sizing;
      const axis = dimension === 'ROWS' ? at.rows : at.columns;
      const pixels = Math.max(Math.round(sizing.size), SMALLEST);
      setSizing(null);
      if (pixels !== axis.sizeAt(axis.place(index))) to.onSize(dimension, index, pixels);
    }
    if (filling !== null) {
      setFilling(null);
      if (filling !== 'none yet') to.onFill(filling, event.ctrlKey || event.metaKey);
    }
  }

  return {
    /** Where the line that is being sized would end. */
    guide: sizing === null ? null : { dimension: sizing.dimension, end: sizing.end },
    filling: filling === 'none yet' || filling === null ? null : filling.area,
    beginFilling: (event: PointerEvent): void => {
      if (event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      pressed.current = event.target as HTMLElement;
      setFilling('none yet');
      viewport.current?.setPointerCapture(event.pointerId);
    },
    handlers: {
      onPointerDown: press,
      onPointerMove: move,
      onPointerUp: release,
      onPointerCancel: () => {
        drawing.current = null;
        setSizing(null);
        setFilling(null);
      },
      onClick: (event: MouseEvent): void => {
        const { show, index, count } = (event.target as HTMLElement).dataset;
        if (show !== undefined) {
          to.onShow(show as Dimension, Number(index), Number(count));
          return;
        }
        // A mouse has picked when it was pressed; a finger may have scrolled, and picks with its click.
        const on = (event.nativeEvent as globalThis.PointerEvent).pointerType === 'touch' && under(event);
        if (on) to.onTouch(on);
      },
      onDoubleClick: (event: MouseEvent): void => {
        const { size, index } = pressed.current?.dataset ?? {};
        if (size !== undefined) to.onFit(size as Dimension, Number(index));
        else if (pressed.current?.classList.contains('fill-handle') === true) to.onFillDown();
        else if (under(event)?.on === 'cell') to.onEdit();
      },
      onContextMenu: (event: MouseEvent): void => {
        const on = under(event);
        if (on === null) return;
        event.preventDefault();
        to.onMenu(on, event.clientX, event.clientY);
      },
    },
  };
}

function along(dimension: Dimension, event: MouseEvent): number {
  return dimension === 'ROWS' ? event.clientY : event.clientX;
}
