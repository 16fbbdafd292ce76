"""People and animals: figure of the cast → its words, as data (see `landscape.py`)."""

from __future__ import annotations

from collections.abc import Mapping

LIVING: Mapping[str, str] = {
    "person": (
        "person man woman girl boy lady gentleman guy child kid human someone hiker traveler traveller tourist "
        "figure silhouette monk samurai warrior wizard cowboy king queen princess prince grandmother "
        "grandfather grandma grandpa old_man old_woman young_man young_woman farmer fisherman chef teacher "
        "student businessman runner jogger model bride stranger wanderer explorer mann frau madchen junge kind "
        "mensch alter_mann junge_frau homme femme fille garcon enfant personne promeneur dame hombre mujer nina "
        "nino chica chico persona senora senor anciano homem mulher menina menino garota garoto pessoa crianca "
        "uomo donna ragazza ragazzo bambino bambina signora человек мужчин* женщин* девушк* девочк* мальчик* "
        "ребен* старик* 人 男人 女人 女孩 男孩 老人 小孩 孩子 姑娘 少女 少年 女性 男性 女の子 男の子 子供 旅人 "
        "사람 여자 남자 소녀 소년 아이 여성 남성 노인 رجل امرأة فتاة ولد طفل شخص سيدة आदमी औरत लड़की लड़का बच्चा "
        "व्यक्ति महिला पुरुष इंसान"
    ),
    "people": (
        "people persons men women children kids girls boys friends family tourists hikers students soldiers team "
        "group pedestrians shoppers menschen leute manner frauen kinder familie freunde gens personnes hommes "
        "femmes enfants famille amis gente personas hombres mujeres ninos familia amigos pessoas homens mulheres "
        "criancas persone uomini donne bambini famiglia amici люди людей дети детей семья друзья 人们 孩子们 行人 "
        "一家人 朋友 人々 子供たち 家族 友達 사람들 아이들 가족 친구들 ناس الناس أشخاص أطفال عائلة लोग लोगों "
        "बच्चे परिवार दोस्त"
    ),
    "couple": (
        "couple pair_of_lovers lovers newlyweds two_people man_and_woman man_and_a_woman bride_and_groom paar "
        "liebespaar parchen amoureux pareja casal coppia пара влюбленн* 情侣 夫妻 恋人 カップル 夫婦 커플 연인 "
        "부부 زوجان زوجين जोड़ा दंपति प्रेमी"
    ),
    "crowd": (
        "crowd crowds audience spectators marchers protesters crowded menge menschenmenge foule multitud "
        "muchedumbre multidao folla толп* 人群 观众 群衆 観客 人混み 군중 관객 حشد جمهور भीड़"
    ),
    "dancer": (
        "dancer dancers dancing dances dance ballerina ballet tanzt tanzend* tanzer* tanzen tanzende danse "
        "danseur* danseuse* dansent baila bailando bailar* bailarin* danza danca dancando dancarin* balla "
        "ballando ballerin* танцу* танцовщ* танец танцор* 跳舞 舞者 舞蹈 踊る 踊り 踊っている ダンサー ダンス "
        "춤추는 춤 댄서 يرقص ترقص راقص* رقص नाच* नृत्य नर्तक*"
    ),
    "knight": (
        "knight knights ritter rittern chevalier* caballero caballeros cavaleiro cavaleiros cavaliere cavalieri "
        "рыцар* 骑士 騎士 기사 فارس فرسان शूरवीर"
    ),
    "surfer": (
        "surfer surfers surfing surfboard* surfs wellenreit* surfend* surft surfeur* surfeuse* surfista* "
        "surfeando surfando серфер* серфинг* серфингист* 冲浪 冲浪者 冲浪板 サーファー サーフィン 서퍼 서핑 "
        "راكب_الأمواج सर्फर सर्फिंग"
    ),
    "skier": (
        "skier skiers skiing ski skis downhill_skier* skifahr* skilaufer* skilauf* skieur* skieuse* skie "
        "esquiador* esquiando esquia sciator* sciatric* sciando лыжник* лыжниц* лыж* 滑雪 滑雪者 滑雪板 スキー "
        "スキーヤー 스키 스키어 متزلج متزلجة स्कीयर स्कीइंग"
    ),
    "snowboarder": (
        "snowboarder* snowboarding snowboard snowboards planche_a_neige сноуборд* 单板滑雪 スノーボード "
        "スノーボーダー 스노보드 스노보더 स्नोबोर्ड*"
    ),
    "astronaut": (
        "astronaut* cosmonaut* spaceman raumfahrer astronaute* cosmonaute* astronauta* astronauti космонавт* "
        "астронавт* 宇航员 太空人 航天员 宇宙飛行士 우주비행사 우주인 رائد_فضاء رائد_الفضاء अंतरिक्ष_यात्री"
    ),
    "robot": "robot* android cyborg mech droid roboter* robo robos робот* 机器人 ロボット 로봇 روبوت रोबोट",
    "dog": (
        "dog dogs puppy puppies corgi corgis golden_retriever* retriever* labrador* husky huskies poodle* "
        "dachshund* beagle* shiba* bulldog* german_shepherd* hound* pup pups hund hunde hunden welpe* chien "
        "chiens chiot* perro perros perrito* cachorro cao caes cachorros cachorrinho* cane cani cagnolino* "
        "cucciolo собак* пес пса щен* 狗 小狗 犬 柴犬 柯基 子犬 イヌ 개 강아지 كلب كلاب جرو कुत्ता कुत्ते पिल्ला"
    ),
    "cat": (
        "cat cats kitten* kitty tabby feline* katze* katzchen kater chat chats chaton* chatte gato gatos gatito* "
        "gata gatinho* gatto gatti gattino* gatta кот кота котен* кошк* кот* 猫 小猫 猫咪 貓 子猫 ネコ ねこ "
        "고양이 قطة قط قطط बिल्ली बिल्लियां"
    ),
    "horse": (
        "horse horses pony ponies stallion mustang* foal unicorn* pferd pferde pferden cheval chevaux poney "
        "caballo caballos yegua poni cavalo cavalos egua cavallo cavalli лошад* конь кони коня 马 骏马 白马 马匹 "
        "馬 白馬 ウマ 말이 말 백마 حصان خيول خيل घोड़ा घोड़े"
    ),
    "cow": (
        "cow cows bull bulls cattle ox oxen calf buffalo* bison kuh kuhe kuehe rinder stier vache* taureau boeuf* "
        "vaca* toro* touro boi mucca mucche vacca toro коров* бык* 牛 奶牛 公牛 ウシ 소가 암소 황소 젖소 بقرة "
        "أبقار ثور गाय गायें बैल"
    ),
    "sheep": (
        "sheep lamb lambs goat goats ram alpaca* llama* schaf schafe lamm ziege* mouton* agneau* brebis chevre* "
        "oveja* cordero* cabra* ovelha* cordeiro* pecora pecore agnell* capra capre овц* овеч* баран* коз* 羊 "
        "绵羊 山羊 羊群 ヒツジ ヤギ 양 양떼 염소 خروف أغنام ماعز भेड़ बकरी"
    ),
    "deer": (
        "deer stag stags doe fawn* reindeer elk moose antelope* gazelle* hirsch* reh rehe elch* cerf* biche* "
        "renne* ciervo* venado* cervo* veado* cervo cervi олен* лос* 鹿 小鹿 麋鹿 驯鹿 シカ トナカイ 사슴 غزال "
        "أيل हिरण"
    ),
    "fox": "fox foxes fuchs fuchse renard* zorro* raposa* volpe volpi лис* 狐狸 狐 キツネ 여우 ثعلب लोमड़ी",
    "wolf": "wolf wolves coyote* wolfe loup loups lobo lobos lupo lupi волк* 狼 オオカミ 늑대 ذئب ذئاب भेड़िया",
    "polar bear": (
        "polar_bear* eisbar* eisbaer* ours_polaire* ours_blanc* oso_polar osos_polares urso_polar ursos_polares "
        "orso_polare orsi_polari белый_медвед* белые_медвед* 北极熊 白熊 シロクマ ホッキョクグマ 북극곰 دب_قطبي "
        "ध्रुवीय_भालू"
    ),
    "bear": (
        "bear bears grizzly grizzlies bar baren baer ours oso osos urso ursos orso orsi медвед* 熊 棕熊 クマ 곰 دب भालू"
    ),
    "panda": "panda pandas pandabar панд* 熊猫 大熊猫 パンダ 판다 باندا पांडा",
    "elephant": (
        "elephant* mammoth* elefant elefanten elefante* elefante elefanti слон* 大象 象 ゾウ 코끼리 فيل فيلة हाथी"
    ),
    "giraffe": "giraffe* girafe* jirafa* girafa* giraffa giraffe жираф* 长颈鹿 キリン 기린 زرافة जिराफ",
    "zebra": "zebra* zebre* cebra* zebra zebre зебр* 斑马 シマウマ 얼룩말 حمار_وحشي ज़ेबरा जेब्रा",
    "lion": (
        "lion lions lioness* lowe lowen loewe lionne leon leones leona leao leoes leone leoni лев льв* 狮子 狮 "
        "ライオン 獅子 사자 أسد أسود शेर सिंह"
    ),
    "tiger": (
        "tiger tigers leopard* cheetah* jaguar* panther* leopard gepard tigre tigres onca tigri тигр* леопард* "
        "老虎 虎 豹子 トラ ヒョウ 호랑이 표범 نمر نمور बाघ चीता"
    ),
    "rabbit": (
        "rabbit* bunny bunnies hare hares hase hasen kaninchen lapin* lievre conejo* liebre coelho* lebre "
        "coniglio conigli lepre кролик* заяц зайц* 兔子 兔 兎 ウサギ うさぎ 토끼 أرنب أرانب खरगोश"
    ),
    "penguin": (
        "penguin* pinguin* pingouin* manchot* pinguino* pinguim pinguins pinguino pinguini пингвин* 企鹅 ペンギン "
        "펭귄 بطريق بطاريق पेंगुइन"
    ),
    "owl": (
        "owl owls eule eulen uhu hibou* chouette* buho* lechuza* coruja* gufo gufi civetta сов* филин* 猫头鹰 "
        "フクロウ 梟 부엉이 올빼미 بومة उल्लू"
    ),
    "duck": (
        "duck ducks duckling* goose geese ente enten gans ganse canard* oie oies pato patos ganso* anatra anatre "
        "papera утк* утен* гус* 鸭子 鸭 鹅 アヒル 鴨 カモ 오리 거위 بطة بط إوزة बत्तख"
    ),
    "swan": "swan swans schwan schwane cygne* cisne cisnes cigno cigni лебед* 天鹅 白鳥 ハクチョウ 백조 بجعة हंस",
    "eagle": (
        "eagle eagles hawk hawks falcon* condor* vulture* adler falke* aigle* faucon* aguila* halcon* condor "
        "aguia* falcao aquila aquile falco орел орл* сокол* 老鹰 鹰 雄鹰 鷲 鷹 ワシ タカ 독수리 매가 نسر صقر عقاب "
        "चील बाज गरुड़"
    ),
    "bird": (
        "bird birds seagull* gull gulls pigeon* dove doves sparrow* crow crows raven* swallow swallows parrot* "
        "flamingo* crane_birds heron* stork* pelican* hummingbird* robin vogel voegel mowe* taube* rabe* storch "
        "oiseau oiseaux mouette* colombe* pajaro* ave aves gaviota* paloma* passaro* gaivota* pomba* uccello "
        "uccelli gabbian* colomb* птиц* чайк* голуб голуби ворон* 鸟 小鸟 飞鸟 海鸥 鸽子 鹤 鳥 小鳥 カモメ 鳩 鶴 "
        "새 새들 갈매기 비둘기 طائر طيور نورس حمام पक्षी चिड़िया पंछी कबूतर"
    ),
    "butterfly": (
        "butterfly butterflies moth moths schmetterling* falter papillon* mariposa* borboleta* farfalla farfalle "
        "бабочк* 蝴蝶 蝶 蝶々 チョウ 나비 فراشة فراشات तितली तितलियां"
    ),
    "bee": (
        "bee bees bumblebee* honeybee* biene bienen hummel* abeille* abeja* abelha* ape api пчел* шмел* 蜜蜂 蜂 "
        "ミツバチ 꿀벌 벌 نحلة نحل मधुमक्खी"
    ),
    "fish": (
        "fish fishes clownfish goldfish koi tuna salmon angelfish tropical_fish school_of_fish fisch fische "
        "fischen goldfisch* fischschwarm poisson* pez peces peixe peixes pesce pesci рыб* 鱼 鱼群 金鱼 小丑鱼 "
        "锦鲤 魚 金魚 熱帯魚 鯉 물고기 금붕어 سمكة سمك أسماك मछली मछलियां"
    ),
    "jellyfish": (
        "jellyfish* medusa qualle quallen meduse* medusas agua_viva aguas_vivas meduse медуз* 水母 クラゲ 海月 "
        "해파리 قنديل_البحر قناديل_البحر जेलीफिश"
    ),
    "turtle": (
        "turtle* sea_turtle* tortoise* schildkrote* schildkroete* tortue* tortuga* tartaruga* tartaruga "
        "tartarughe черепах* 海龟 乌龟 亀 ウミガメ カメ 거북이 바다거북 سلحفاة कछुआ"
    ),
    "shark": ("shark sharks hai haie requin* tiburon* tubarao tubaroes squalo squali акул* 鲨鱼 サメ 鮫 상어 قرش शार्क"),
    "octopus": (
        "octopus* squid* krake* oktopus tintenfisch pieuvre* poulpe* pulpo* polvo polpo polpi осьминог* 章鱼 タコ "
        "蛸 문어 أخطبوط ऑक्टोपस"
    ),
    "whale": (
        "whale whales orca* humpback* wal wale walfisch baleine* orque* ballena* baleia* balena balene orca кит "
        "кита киты китов косатк* 鲸鱼 鲸 蓝鲸 鯨 クジラ シャチ 고래 حوت حيتان व्हेल"
    ),
    "dolphin": (
        "dolphin* porpoise* delfin delfine delphin* dauphin* delfines golfinho* delfino delfini дельфин* 海豚 "
        "イルカ 돌고래 دلفين دلافين डॉल्फिन"
    ),
}
