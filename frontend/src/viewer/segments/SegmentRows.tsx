/** The segments: name, colour, term, whether each is seen and whether it can be changed. */

import { ActionIcon, Button, ColorInput, ColorSwatch, Menu, Popover, SegmentedControl, Select, Slider, TextInput, UnstyledButton } from "@mantine/core";
import { IconDots, IconEye, IconEyeOff, IconLock, IconLockOpen } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { PALETTE } from "../logic/segments";
import { useSession } from "../session";
import { useSegments, type SegmentState } from "../state/segmentsStore";
import viewerStyles from "../viewer.module.css";
import styles from "./segments.module.css";
import { TERMS } from "./terms";
import { useJump } from "./useJump";

export function SegmentRows() {
  const { t } = useTranslation("viewer");
  const segments = useSegments((state) => state.segments);
  const isFilled = useSegments((state) => state.isFilled);
  const areHidden = useSegments((state) => state.areHidden);
  return (
    <>
      <div className={styles.row}>
        <SegmentedControl size="xs" flex={1} aria-label={t("segments.look")} data={[{ value: "fill", label: t("segments.fill") }, { value: "outline", label: t("segments.outline") }]}
          value={isFilled ? "fill" : "outline"} onChange={(value) => { useSegments.setState({ isFilled: value === "fill" }); }} />
        <ActionIcon variant="subtle" color="gray" aria-label={t(areHidden ? "segmentation.show_all" : "segmentation.hide_all")} aria-pressed={areHidden} onClick={() => { useSegments.setState({ areHidden: !areHidden }); }}>
          {areHidden ? <IconEyeOff size={17} /> : <IconEye size={17} />}
        </ActionIcon>
      </div>
      <ul className={styles.list} aria-label={t("segments.title")}>{segments.map((segment) => <Row key={segment.number} segment={segment} />)}</ul>
    </>
  );
}

function Row({ segment }: { segment: SegmentState }) {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const jump = useJump();
  const isActive = useSegments((state) => state.active === segment.number);
  const [isEditing, setEditing] = useState(false);
  const { number, label, is_hidden: isHidden, is_locked: isLocked } = segment;
  return (
    <li>
      <div className={styles.segment} data-active={isActive || undefined} data-hidden={isHidden || undefined}>
        <Colour segment={segment} />
        <button type="button" className={styles.name} aria-current={isActive} title={segment.type?.meaning ?? label} onClick={() => { useSegments.setState({ active: number }); }} onDoubleClick={() => { jump(number); }}>{label}</button>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-pressed={isLocked} aria-label={t(isLocked ? "segmentation.unlock" : "segmentation.lock", { name: label })} onClick={() => { session.editSegment(number, { is_locked: !isLocked }); }}>
          {isLocked ? <IconLock size={15} /> : <IconLockOpen size={15} />}
        </ActionIcon>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-pressed={isHidden} aria-label={t(isHidden ? "segments.show" : "segments.hide", { name: label })} onClick={() => { session.editSegment(number, { is_hidden: !isHidden }); }}>
          {isHidden ? <IconEyeOff size={15} /> : <IconEye size={15} />}
        </ActionIcon>
        <Menu position="bottom-end" returnFocus={false}>
          <Menu.Target><ActionIcon variant="subtle" color="gray" size="sm" aria-label={t("segmentation.more_of", { name: label })}><IconDots size={15} /></ActionIcon></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => { jump(number); }}>{t("segmentation.jump")}</Menu.Item>
            <Menu.Item onClick={() => { setEditing(true); }}>{t("segmentation.describe")}</Menu.Item>
            <Menu.Item color="red" disabled={isLocked} onClick={() => { session.removeSegment(number); }}>{t("delete")}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      {isEditing && <Describing segment={segment} onDone={() => { setEditing(false); }} />}
    </li>
  );
}

function Colour({ segment: { number, label, color, opacity } }: { segment: SegmentState }) {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  return (
    <Popover position="left" withArrow trapFocus>
      <Popover.Target>
        <UnstyledButton className={styles.swatch} aria-label={t("segments.colour", { name: label })}><ColorSwatch component="span" color={color} size={18} withShadow={false} style={{ opacity: Math.max(0.3, opacity) }} /></UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={viewerStyles.swatches}>
          {PALETTE.map((one) => (
            <ColorSwatch key={one} component="button" type="button" color={one} size={26} aria-label={one} aria-pressed={one.toLowerCase() === color} onClick={() => { session.editSegment(number, { color: one.toLowerCase() }); }} />
          ))}
        </div>
        <ColorInput size="xs" mt="xs" format="hex" aria-label={t("segmentation.other_colour")} value={color} withPicker={false}
          onChange={(value) => { if (/^#[0-9a-f]{6}$/i.test(value)) session.editSegment(number, { color: value.toLowerCase() }, "color"); }} />
        <Slider mt="sm" size="sm" min={0.05} max={1} step={0.05} label={null} thumbLabel={t("segments.opacity", { name: label })} value={opacity} onChange={(value) => { session.editSegment(number, { opacity: value }, "opacity"); }} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** Name and coded term; a term that is not in the list is written by hand. */
function Describing({ segment, onDone }: { segment: SegmentState; onDone: () => void }) {
  const { t } = useTranslation("viewer");
  const { segments: session } = useSession();
  const [label, setLabel] = useState(segment.label);
  const [type, setType] = useState(segment.type);
  const known = TERMS.some((term) => term.type.value === type?.value);
  const save = (): void => {
    const category = TERMS.find((term) => term.type.value === type?.value)?.category ?? segment.category;
    session.editSegment(segment.number, { label: label.trim() || segment.label, type, category });
    onDone();
  };
  return (
    <form className={styles.panel} style={{ padding: 6 }} onSubmit={(event) => { event.preventDefault(); save(); }}>
      <TextInput size="xs" autoFocus label={t("segmentation.name")} value={label} maxLength={64} onChange={({ currentTarget }) => { setLabel(currentTarget.value); }} />
      <Select size="xs" label={t("segmentation.term")} searchable clearable value={known ? (type?.value ?? null) : null} placeholder={known ? "" : (type?.meaning ?? "")}
        data={TERMS.map((term) => ({ value: term.type.value, label: t(`terms.${term.type.value}`, { defaultValue: term.type.meaning }) }))}
        onChange={(value) => {
          const term = TERMS.find((one) => one.type.value === value)?.type ?? null;
          setType(term);
          if (term && (!label || label === t("segmentation.new_name"))) setLabel(t(`terms.${term.value}`, { defaultValue: term.meaning }));
        }} />
      <div className={styles.acts}>
        <Button size="compact-sm" type="submit">{t("segmentation.save")}</Button>
        <Button size="compact-sm" variant="default" onClick={onDone}>{t("cancel")}</Button>
      </div>
    </form>
  );
}
