/** The viewer's own words; they come with its code, not before. */

import i18next from "i18next";

import en from "./words/en.json";
import zhCN from "./words/zh-CN.json";

i18next.addResourceBundle("en", "viewer", en, true, true);
i18next.addResourceBundle("zh-CN", "viewer", zhCN, true, true);
