//! Who took part: 31 ministries and agencies, 63 provinces, the Party's central office.

use crate::trust::directory::Domain;

/// How many have a security server of their own: the first ones of [`all`]. Which they were in 2019 is not known here.
pub(super) const DEDICATED: usize = 63;

/// The one that sends nothing. Which it was in 2019 is not said: this is a choice of the replay's.
pub(super) const SILENT: &str = "000.00.00.G30";

/// Codes from the list of Government bodies; those of the last seven are the replay's own.
const MINISTRIES: [(&str, &str); 31] = [
    ("G01", "Bộ Công an"),
    ("G02", "Bộ Công Thương"),
    ("G03", "Bộ Giáo dục và Đào tạo"),
    ("G04", "Bộ Giao thông vận tải"),
    ("G05", "Bộ Kế hoạch và Đầu tư"),
    ("G06", "Bộ Khoa học và Công nghệ"),
    ("G07", "Bộ Lao động - Thương binh và Xã hội"),
    ("G08", "Bộ Ngoại giao"),
    ("G09", "Bộ Nội vụ"),
    ("G10", "Bộ Nông nghiệp và Phát triển nông thôn"),
    ("G11", "Bộ Quốc phòng"),
    ("G12", "Bộ Tài chính"),
    ("G13", "Bộ Tài nguyên và Môi trường"),
    ("G14", "Bộ Thông tin và Truyền thông"),
    ("G15", "Bộ Tư pháp"),
    ("G16", "Bộ Văn hóa, Thể thao và Du lịch"),
    ("G17", "Bộ Xây dựng"),
    ("G18", "Bộ Y tế"),
    ("G19", "Ngân hàng Nhà nước Việt Nam"),
    ("G20", "Thanh tra Chính phủ"),
    ("G21", "Ủy ban Dân tộc"),
    ("G22", "Văn phòng Chính phủ"),
    ("G24", "Bảo hiểm xã hội Việt Nam"),
    ("G27", "Đài Tiếng nói Việt Nam"),
    ("G28", "Đài Truyền hình Việt Nam"),
    ("G23", "Thông tấn xã Việt Nam"),
    ("G25", "Viện Hàn lâm Khoa học và Công nghệ Việt Nam"),
    ("G26", "Viện Hàn lâm Khoa học xã hội Việt Nam"),
    ("G29", "Học viện Chính trị quốc gia Hồ Chí Minh"),
    ("G30", "Ban Quản lý Lăng Chủ tịch Hồ Chí Minh"),
    ("G31", "Ủy ban Quản lý vốn nhà nước tại doanh nghiệp"),
];

/// H01 to H63, in the order of the alphabet.
const PROVINCES: [&str; 63] = [
    "tỉnh An Giang",
    "tỉnh Bắc Giang",
    "tỉnh Bắc Kạn",
    "tỉnh Bạc Liêu",
    "tỉnh Bắc Ninh",
    "tỉnh Bà Rịa - Vũng Tàu",
    "tỉnh Bến Tre",
    "tỉnh Bình Định",
    "tỉnh Bình Dương",
    "tỉnh Bình Phước",
    "tỉnh Bình Thuận",
    "tỉnh Cà Mau",
    "thành phố Cần Thơ",
    "tỉnh Cao Bằng",
    "tỉnh Đắk Lắk",
    "tỉnh Đắk Nông",
    "thành phố Đà Nẵng",
    "tỉnh Điện Biên",
    "tỉnh Đồng Nai",
    "tỉnh Đồng Tháp",
    "tỉnh Gia Lai",
    "tỉnh Hà Giang",
    "tỉnh Hải Dương",
    "thành phố Hải Phòng",
    "tỉnh Hà Nam",
    "thành phố Hà Nội",
    "tỉnh Hà Tĩnh",
    "tỉnh Hòa Bình",
    "Thành phố Hồ Chí Minh",
    "tỉnh Hậu Giang",
    "tỉnh Hưng Yên",
    "tỉnh Khánh Hòa",
    "tỉnh Kiên Giang",
    "tỉnh Kon Tum",
    "tỉnh Lai Châu",
    "tỉnh Lâm Đồng",
    "tỉnh Lạng Sơn",
    "tỉnh Lào Cai",
    "tỉnh Long An",
    "tỉnh Nam Định",
    "tỉnh Nghệ An",
    "tỉnh Ninh Bình",
    "tỉnh Ninh Thuận",
    "tỉnh Phú Thọ",
    "tỉnh Phú Yên",
    "tỉnh Quảng Bình",
    "tỉnh Quảng Nam",
    "tỉnh Quảng Ngãi",
    "tỉnh Quảng Ninh",
    "tỉnh Quảng Trị",
    "tỉnh Sóc Trăng",
    "tỉnh Sơn La",
    "tỉnh Tây Ninh",
    "tỉnh Thái Bình",
    "tỉnh Thái Nguyên",
    "tỉnh Thanh Hóa",
    "tỉnh Thừa Thiên Huế",
    "tỉnh Tiền Giang",
    "tỉnh Trà Vinh",
    "tỉnh Tuyên Quang",
    "tỉnh Vĩnh Long",
    "tỉnh Vĩnh Phúc",
    "tỉnh Yên Bái",
];

/// Members of the centre: the ministries and agencies, and the Party's office.
pub(super) const CENTRAL: usize = MINISTRIES.len() + 1;

/// Which part of the state a member is of, by its code.
pub(super) fn domain(code: &str) -> Domain {
    match code.rsplit('.').next().and_then(|own| own.chars().next()) {
        Some('A') => Domain::Party,
        Some('H') => Domain::Province,
        _ => Domain::Ministry,
    }
}

/// All 95: ministries and agencies, the Party's office, provinces. A code and the name in the directory.
pub(super) fn all() -> Vec<(String, String)> {
    let whole = |short: &str| format!("000.00.00.{short}");
    let ministries = MINISTRIES
        .iter()
        .map(|(code, name)| (whole(code), (*name).to_owned()));
    let party = (whole("A01"), "Văn phòng Trung ương Đảng".to_owned());
    let provinces = PROVINCES
        .iter()
        .zip(1..)
        .map(|(name, number)| (whole(&format!("H{number:02}")), format!("UBND {name}")));
    ministries.chain([party]).chain(provinces).collect()
}
