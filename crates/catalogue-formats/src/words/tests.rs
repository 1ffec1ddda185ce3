use super::*;

#[test]
fn words_are_known_in_every_form_that_filings_use() {
    for text in ["有条件共享", "2", "２", " 有条件 ", "2 有条件共享", "有条件共享（2）"]
    {
        assert_eq!(sharing(text), Some(SharingType::Conditional), "{text}");
    }
    for text in ["每日", "2", "每天", "２"] {
        assert_eq!(cycle(text), Some(UpdateCycle::Daily), "{text}");
    }
    for text in ["C", "ｃ", "字符型", "字符型C", "字符型（C）"] {
        assert_eq!(item_type(text), Some((ItemType::Text, None)), "{text}");
    }
    assert_eq!(item_type("C(18)"), Some((ItemType::Text, Some(18))));
    assert_eq!(item_type("数值型N10"), Some((ItemType::Number, Some(10))));
    assert_eq!(yes("是"), Some(true));
    assert_eq!(yes("０"), Some(false));
    assert_eq!(sharing("1 有条件共享"), None, "a code beside another word says nothing");
    assert_eq!(modes("接口、推送").unwrap().len(), 2);
    assert_eq!(modes("接口、飞鸽").unwrap_err(), "飞鸽");
    assert!(is_date("2026年1月4日") && is_date("20260104") && is_date("2026-01"));
    assert!(!is_date("每年") && !is_date("2026-13-01"));
}

#[test]
fn every_word_of_our_own_is_read_back() {
    for number in 1..=11 {
        if let Ok(word) = ItemType::try_from(number) {
            assert_eq!(item_type(item_type_word(word)), Some((word, None)));
        }
        if let Ok(word) = UpdateCycle::try_from(number) {
            assert_eq!(cycle(cycle_word(word)), Some(word));
        }
        if let Ok(word) = Format::try_from(number) {
            assert_eq!(format(format_word(word)), Some(word));
        }
        if let Ok(word) = SharingType::try_from(number) {
            assert_eq!(sharing(sharing_word(word)), Some(word));
        }
        if let Ok(word) = DeliveryMode::try_from(number) {
            assert_eq!(modes(mode_word(word)).unwrap(), [number].into());
        }
    }
    for number in 0..=12 {
        let word = Mask::try_from(number).unwrap();
        assert_eq!(mask(mask_word(word)), Some((word, None)));
    }
}

#[test]
fn what_a_mask_needs_to_know_stands_in_brackets() {
    let (found, parameters) = mask("分段 (5000)").unwrap();
    assert_eq!((found, parameters.unwrap().step.as_str()), (Mask::Band, "5000"));
    let (found, parameters) = mask("假名化（identity-number）").unwrap();
    let domain = parameters.unwrap().pseudonym_domain;
    assert_eq!((found, domain.as_str()), (Mask::Pseudonym, "identity-number"));
    assert_eq!(mask("部分遮盖（5）"), None);
}
