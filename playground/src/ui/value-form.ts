import { html, nothing, type TemplateResult } from 'lit';
import { inline } from '../json/print.ts';
import {
  at,
  has,
  isObject,
  type Json,
  type JsonObject,
  moved,
  type Path,
  pathText,
  put,
  renamed,
  type Step,
  withAt,
  without,
} from '../json/value.ts';
import { example, switched } from '../schema/example.ts';
import { type Field, type Kind, kindOf, type Variant } from '../schema/kind.ts';
import type { Schemas } from '../schema/schemas.ts';
import { closest, validate, type Violation } from '../schema/validate.ts';
import { constraintWords, typeWords } from '../schema/words.ts';
import type { Schema, SchemaObject } from '../spec.ts';
import { Element } from './element.ts';
import { formStyles } from './form-styles.ts';
import { icon, type IconName } from './icons.ts';
import './scalar-field.ts';

/** How many elements of a list have fields. The editor has all of them. */
const MOST = 50;

/** One place in the value, with all that is needed to draw it. */
interface Place {
  schema: Schema;
  value: Json | undefined;
  path: Path;
  /** What it is called. */
  label: string;
  /** What stands in its line beside the label. */
  tools?: TemplateResult | undefined;
  doc?: string | undefined;
}

/** A form for any value that a schema is about. It tells `value-change` with the whole value. */
export class ValueForm extends Element {
  static override properties = {
    schemas: { attribute: false },
    schema: { attribute: false },
    value: { attribute: false },
    violations: { attribute: false },
    label: {},
  };
  declare schemas: Schemas;
  declare schema: Schema;
  declare value: Json;
  declare violations: readonly Violation[];
  /** What the whole value is called, if it is not a struct. */
  declare label: string;

  /** Which variant was chosen where a value fits several. */
  private readonly variants = new Map<string, number>();

  constructor() {
    super();
    this.violations = [];
    this.label = 'value';
  }

  static override styles = [...Element.styles, formStyles];

  protected override render(): unknown {
    const kind = kindOf(this.schemas, this.schema);
    if (kind.kind === 'struct') {
      if (kind.fields.length === 0)
        return html`<p class="muted small">There is nothing to fill in.</p>
          ${this.problems([])}`;
      return html`${this.struct(kind, { schema: this.schema, value: this.value, path: [], label: '' })}${this.problems([])}`;
    }
    return this.place({ schema: this.schema, value: this.value, path: [], label: this.label });
  }

  /** A label, a field, and what is wrong with it. */
  private place(place: Place): TemplateResult {
    const { path, schema, label } = place;
    const kind = kindOf(this.schemas, schema);
    const flat = this.schemas.flat(schema);
    const doc = place.doc ?? (flat === false ? undefined : flat.description);
    const nested = NESTED.has(kind.kind);
    const words = [typeWords(this.schemas, schema), ...constraintWords(this.schemas, schema)].join(', ');
    const id = pathText(path);
    return html`<div
      class="field ${nested ? 'nested' : ''}"
      role=${nested ? 'group' : nothing}
      aria-label=${nested ? label : nothing}
    >
      <div class="head">
        <span class="label" id="label-${id}">${label}</span>
        <span class="words cut" title=${words}>${words}</span>
        <span class="tools">${place.tools ?? ''}</span>
      </div>
      ${this.control(kind, place)} ${this.problems(path)}
      ${doc ? html`<p class="help cut" title=${doc}>${doc}</p>` : ''}
    </div>`;
  }

  private control(kind: Kind, place: Place): TemplateResult {
    switch (kind.kind) {
      case 'nullable':
        return this.nullable(kind.inner, place);
      case 'variants':
        return this.choose(kind.variants, place);
      case 'list':
        return this.list(place, () => kind.items, kind.items);
      case 'tuple':
        return this.tuple(kind, place);
      case 'map':
        return this.map(kind, place);
      case 'struct':
        return html`<div class="box">${this.struct(kind, place)}</div>`;
      default: {
        const id = pathText(place.path);
        const flat = this.schemas.flat(place.schema);
        return html`<scalar-field
          hook="field-${id}"
          .kind=${kind}
          .value=${place.value}
          .flat=${flat === false ? {} : (flat as SchemaObject)}
          .label=${place.label}
          .wrong=${this.isWrong(place.path)}
          @scalar-change=${(event: CustomEvent<Json>) => this.set(place.path, event.detail)}
        ></scalar-field>`;
      }
    }
  }

  private struct(kind: Kind & { kind: 'struct' }, place: Place): TemplateResult {
    const value = isObject(place.value) ? place.value : {};
    const known = new Set(kind.fields.map(field => field.name));
    const others = Object.entries(value).filter(([name]) => !known.has(name));
    const isOpen = typeof kind.rest === 'object';
    return html`${kind.fields.map(field => (field.hidden ? '' : this.member(field, value, place.path)))}
    ${others.map(([name]) => (isOpen ? this.entry(name, value, place.path, name, kind.rest) : this.extra(name, value, [...place.path, name], kind.rest)))}
    ${isOpen ? this.adder(place.path, true, kind.rest, 'Add another') : ''}`;
  }

  private member(field: Field, value: Readonly<Record<string, Json>>, parent: Path): TemplateResult {
    const path = [...parent, field.name];
    const id = pathText(path);
    const there = has(value, field.name);
    const include =
      field.required && there
        ? undefined
        : html`<label class="check small"
            ><input
              type="checkbox"
              data-testid="include-${id}"
              .checked=${there}
              @change=${(event: Event) => this.include(field, path, (event.target as HTMLInputElement).checked)}
            />
            ${there ? 'sent' : 'send'}</label
          >`;
    if (there) {
      return this.place({
        schema: field.schema,
        value: value[field.name],
        path,
        label: field.name,
        doc: field.doc,
        tools: include,
      });
    }
    const flat = this.schemas.flat(field.schema);
    const fallback = flat === false ? undefined : flat.default;
    const words = field.required
      ? 'missing'
      : fallback === undefined
        ? 'left out'
        : `left out, then ${inline(fallback, 60)}`;
    return html`<div class="field absent">
      <div class="head">
        <span class="label">${field.name}</span><span class="words cut">${words}</span
        ><span class="tools">${include}</span>
      </div>
      ${this.problems(path)}
    </div>`;
  }

  /** A member that the type does not have. */
  private extra(
    name: string,
    value: Readonly<Record<string, Json>>,
    path: Path,
    rest: Schema,
  ): TemplateResult {
    const schema: Schema = rest === false ? true : rest;
    const tools = this.tool('remove', path, 'close', 'Remove', () => this.change(without(this.value, path)));
    return this.place({ schema, value: value[name], path, label: name, tools });
  }

  private nullable(inner: Schema, place: Place): TemplateResult {
    const id = pathText(place.path);
    const isNull = place.value === null || place.value === undefined;
    const toggle = html`<label class="check small"
      ><input
        type="checkbox"
        data-testid="null-${id}"
        .checked=${isNull}
        @change=${(event: Event) => this.set(place.path, (event.target as HTMLInputElement).checked ? null : example(this.schemas, inner, place.label))}
      />
      null</label
    >`;
    if (isNull) return html`<div class="toggles">${toggle}</div>`;
    return html`<div class="toggles">${toggle}</div>
      ${this.control(kindOf(this.schemas, inner), { ...place, schema: inner })}`;
  }

  private choose(variants: Variant[], place: Place): TemplateResult {
    const id = pathText(place.path);
    const chosen = this.variantOf(variants, place.value, id);
    const variant = variants[chosen];
    const change = (event: Event) => {
      const index = Number((event.target as HTMLSelectElement).value);
      const next = variants[index];
      if (!next) return;
      this.variants.set(id, index);
      this.set(place.path, switched(this.schemas, next.schema, at(this.value, place.path)));
    };
    const flat = variant ? this.schemas.flat(variant.schema) : false;
    const kind = variant ? kindOf(this.schemas, variant.schema) : undefined;
    const isFixed = flat !== false && flat.const !== undefined;
    return html`<div class="box">
      <select data-testid="variant-${id}" aria-label="variant of ${place.label}" @change=${change}>
        ${variants.map((it, index) => html`<option value=${index} .selected=${index === chosen}>${it.label}</option>`)}
      </select>
      ${variant?.doc ? html`<p class="help">${variant.doc}</p>` : ''}
      ${
        !variant || !kind || isFixed
          ? ''
          : kind.kind === 'struct'
            ? this.struct(withoutTags(this.schemas, kind), { ...place, schema: variant.schema })
            : this.control(kind, { ...place, schema: variant.schema })
      }
    </div>`;
  }

  private variantOf(variants: Variant[], value: Json | undefined, id: string): number {
    const remembered = this.variants.get(id);
    const schemas = variants.map(it => it.schema);
    const before = remembered === undefined ? undefined : schemas[remembered];
    if (remembered !== undefined && before !== undefined) {
      const best = closest(this.schemas, schemas, value);
      const bestSchema = schemas[best];
      const fitsBetter = bestSchema !== undefined && validate(this.schemas, bestSchema, value).length === 0;
      if (!fitsBetter || validate(this.schemas, before, value).length === 0) return remembered;
      return best;
    }
    return closest(this.schemas, schemas, value);
  }

  private list(place: Place, schemaAt: (index: number) => Schema, items: Schema | false): TemplateResult {
    const list = Array.isArray(place.value) ? place.value : [];
    const { path } = place;
    const flat = this.schemas.flat(place.schema);
    const most = flat === false ? Infinity : (flat.maxItems ?? Infinity);
    const add = () => {
      const present = at(this.value, path);
      const made = items === false ? null : example(this.schemas, items, place.label);
      this.set(path, [...(Array.isArray(present) ? present : []), made]);
    };
    return html`<div class="box">
      ${list.slice(0, MOST).map((element, index) => {
        const inside = [...path, index];
        const tools = html`${this.tool('up', inside, 'up', 'Move up', () => this.change(moved(this.value, path, index, index - 1)), index === 0)}
        ${this.tool('down', inside, 'down', 'Move down', () => this.change(moved(this.value, path, index, index + 1)), index === list.length - 1)}
        ${this.tool('remove', inside, 'close', 'Remove', () => this.change(without(this.value, inside)))}`;
        return this.place({
          schema: schemaAt(index),
          value: element,
          path: inside,
          label: `${index}`,
          tools,
        });
      })}
      ${list.length > MOST ? html`<p class="help">and ${list.length - MOST} more, which the editor has</p>` : ''}
      ${!Array.isArray(place.value) && place.value !== undefined ? html`<p class="problem">is ${inline(place.value, 40)}, not a list</p>` : ''}
      <div>
        <button
          class="tiny"
          type="button"
          data-testid="add-${pathText(path)}"
          ?disabled=${list.length >= most}
          @click=${add}
        >
          ${icon('plus', 14)}Add
        </button>
      </div>
    </div>`;
  }

  private tuple(kind: Kind & { kind: 'tuple' }, place: Place): TemplateResult {
    const list = Array.isArray(place.value) ? place.value : [];
    return html`<div class="box">
      ${kind.items.map((schema, index) =>
        this.place({ schema, value: list[index], path: [...place.path, index], label: `${index}` }),
      )}
    </div>`;
  }

  private map(kind: Kind & { kind: 'map' }, place: Place): TemplateResult {
    const map = isObject(place.value) ? place.value : {};
    const { path } = place;
    const keys = Object.keys(map);
    return html`<div class="box">
      ${keys.slice(0, MOST).map(key => this.entry(key, map, path, { key }, kind.values))}
      ${keys.length > MOST ? html`<p class="help">and ${keys.length - MOST} more, which the editor has</p>` : ''}
      ${this.adder(path, kind.keys, kind.values, 'Add')}
    </div>`;
  }

  /** An entry whose key can be changed. */
  private entry(
    key: string,
    map: Readonly<Record<string, Json>>,
    path: Path,
    step: Step,
    schema: Schema,
  ): TemplateResult {
    const inside = [...path, step];
    const rename = (event: Event) =>
      this.change(renamed(this.value, path, key, (event.target as HTMLInputElement).value));
    const tools = this.tool('remove', inside, 'close', 'Remove', () =>
      this.change(without(this.value, inside)),
    );
    return html`<div class="entry">
      <input
        class="key"
        data-testid="key-${pathText(inside)}"
        aria-label="key"
        .value=${key}
        @change=${rename}
      />
      ${this.place({ schema, value: map[key], path: inside, label: key, tools })}
    </div>`;
  }

  /** Adds an entry with a key that is not there yet. */
  private adder(path: Path, keys: Schema, values: Schema, words: string): TemplateResult {
    const add = () => {
      const present = at(this.value, path);
      const map = isObject(present) ? present : {};
      const made = keys === true ? 'key' : example(this.schemas, keys, 'key');
      const base = typeof made === 'string' && made !== '' ? made : 'key';
      let key = base;
      // Another number goes on from a number, and another text has one behind it.
      for (let number = 2; has(map, key); number += 1)
        key = /^\d+$/.test(base) ? `${Number(base) + number - 1}` : `${base}${number}`;
      const next: JsonObject = { ...map };
      put(next, key, values === true ? '' : example(this.schemas, values));
      this.set(path, next);
    };
    return html`<div>
      <button class="tiny" type="button" data-testid="add-${pathText(path)}" @click=${add}>
        ${icon('plus', 14)}${words}
      </button>
    </div>`;
  }

  private tool(
    name: string,
    path: Path,
    shape: IconName,
    label: string,
    act: () => void,
    off = false,
  ): TemplateResult {
    return html`<button
      class="quiet tiny"
      type="button"
      data-testid="${name}-${pathText(path)}"
      aria-label="${label} ${pathText(path)}"
      title=${label}
      ?disabled=${off}
      @click=${act}
    >
      ${icon(shape, 14)}
    </button>`;
  }

  private problems(path: Path): unknown {
    const id = pathText(path);
    return this.violations
      .filter(it => pathText(it.path) === id)
      .map(
        it =>
          html`<p class="problem" data-testid="problem-${id}">
            ${id === '' ? 'The value ' : ''}${it.message}
          </p>`,
      );
  }

  private isWrong(path: Path): boolean {
    const id = pathText(path);
    return this.violations.some(it => pathText(it.path) === id);
  }

  private include(field: Field, path: Path, there: boolean): void {
    if (there) this.set(path, example(this.schemas, field.schema, field.name));
    else this.change(without(this.value, path));
  }

  private set(path: Path, value: Json): void {
    this.change(withAt(this.value, path, value));
  }

  private change(value: Json): void {
    // The next change builds on this one, also if it comes before anything is drawn.
    this.value = value;
    this.tell('value-change', value);
  }
}

const NESTED = new Set<Kind['kind']>(['variants', 'list', 'tuple', 'map', 'struct']);

/** The members of a variant but those that only say which it is: the choice itself does. */
function withoutTags(schemas: Schemas, kind: Kind & { kind: 'struct' }): Kind & { kind: 'struct' } {
  const isTag = (field: Field) => {
    const own = kindOf(schemas, field.schema);
    return field.required && own.kind === 'choice' && own.choices.length === 1;
  };
  // Tags are known all the same, so that they are not taken for members too many.
  return { ...kind, fields: kind.fields.map(field => (isTag(field) ? { ...field, hidden: true } : field)) };
}

customElements.define('value-form', ValueForm);
